import { expect, test } from "@jest/globals";
import * as api from "@nnunet/pipeline";

test("what the package exports", () => {
  expect(Object.keys(api).sort()).toEqual([
    "TRAINER_NAME",
    "createBatchWorkers",
    "createPipeline",
    "createPredictor",
    "crossvalFolder",
    "defaultStages",
    "defineConfig",
    "dividedOtherwise",
    "effectivePlans",
    "exportForV2",
    "exportedFiles",
    "finalPredictorFolder",
    "findConfig",
    "foldPaths",
    "importForeign",
    "inputCases",
    "labelsFound",
    "loadConfig",
    "loadPredictor",
    "modelFiles",
    "modelFolderPaths",
    "namesOneFile",
    "pairFolders",
    "pairedModel",
    "predictorDescriptionFromJson",
    "predictorOf",
    "predictorPaths",
    "preprocessedPaths",
    "resolveFolders",
    "resultsPaths",
    "seedSpreads",
    "softwareVersion",
  ]);
});
