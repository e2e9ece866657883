import { expect, test } from "@jest/globals";
import { isNnunetError, ShapeMismatchError } from "@nnunet/core";
import { carry, unpack } from "../src/workers/carry-error.ts";

test("an error of ours keeps code, fields and message on its way out of a worker", async () => {
  const carried = await carry(async () => {
    throw new ShapeMismatchError("label of case liver_3", [75, 512, 512], [74, 512, 512]);
  });
  let caught: unknown;
  try {
    unpack(structuredClone(carried));
  } catch (error) {
    caught = error;
  }
  expect(isNnunetError(caught, "SHAPE_MISMATCH") && caught.expected).toEqual([75, 512, 512]);
  expect((caught as Error).message).toBe("label of case liver_3: expected shape [75,512,512], got [74,512,512]");
});
