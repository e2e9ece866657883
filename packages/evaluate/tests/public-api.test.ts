import { expect, test } from "@jest/globals";
import * as api from "@nnunet/evaluate";

test("exports these names and no others", () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
[
  "bootstrapInterval",
  "bootstrapSuperiority",
  "candidateConfigurations",
  "caseMetrics",
  "certaintyOf",
  "checkedMetrics",
  "crossValidationSplits",
  "defaultEvaluator",
  "diceIntervals",
  "dividedGroup",
  "drawRankings",
  "emptyCasesPolicy",
  "evaluatorConformance",
  "fewestForInterval",
  "fewestToCompare",
  "findBestConfiguration",
  "groupCount",
  "groupedSplits",
  "labelGroups",
  "labelTitles",
  "labelsNotFound",
  "leastDice",
  "rankOverDatasets",
  "rankVariants",
  "splitOfFold",
  "splitsFromJson",
  "splitsOnAllCases",
  "squaredDistances",
  "summarise",
  "summariseSurfaces",
  "summaryFromJson",
  "summaryFromText",
  "summaryTable",
  "summaryToJson",
  "summaryToText",
  "surfaceMetrics",
  "surfaceTable",
  "validatesOnTraining",
  "volumeError",
]
`);
});
