import { expect, test } from "@jest/globals";
import * as api from "@nnunet/postprocess";

test("exports these names and no others", () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
[
  "acceptanceRules",
  "applyPostprocessing",
  "defaultPostprocessor",
  "determinePostprocessing",
  "keepLargestComponents",
  "postprocessingFromJson",
  "postprocessingToJson",
  "postprocessingTrials",
  "postprocessorConformance",
]
`);
});
