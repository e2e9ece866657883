import { expect, test } from "@jest/globals";
import * as api from "@nnunet/cli";

test("what the package exports", () => {
  expect(Object.keys(api).sort()).toEqual(["exitCodes", "main"]);
  expect(api.exitCodes).toEqual({ ok: 0, problemFound: 1, usage: 2, input: 3, internal: 4, cancelled: 130 });
});
