import { expect, test } from "@jest/globals";
import * as api from "@nnunet/report";

test("exports these names and no others", () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
[
  "chooseSlices",
  "drawSlice",
  "madeFromMark",
  "renderReport",
  "reportMarker",
]
`);
});
