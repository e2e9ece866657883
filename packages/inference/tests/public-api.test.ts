import { expect, test } from "@jest/globals";
import * as api from "@nnunet/inference";

test("exports these names and no others", () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
[
  "checkPrevious",
  "defaultMaxPatches",
  "defaultPredictor",
  "describeMemory",
  "ensembleProbabilities",
  "estimateMemory",
  "gaussianImportance",
  "inspectModel",
  "loadModel",
  "meanChannels",
  "nodeSessions",
  "onnxRuntimeSessions",
  "patchStarts",
  "predictCase",
  "predictImage",
  "predictionSize",
  "predictorConformance",
  "predictorWithPreprocessor",
  "readModelWeights",
  "refuseLargePrediction",
  "segmentationFromMean",
  "segmentationFromProbabilities",
  "withPreviousChannels",
]
`);
});
