import { expect, test } from "@jest/globals";
import * as everything from "@nnunet/preprocess";
import { staticImports } from "../../core/tests/static-imports.ts";

test("the browser entry reaches no Node module", () => {
  expect(staticImports(new URL("../src/browser.ts", import.meta.url))).toEqual(["@nnunet/core", "@nnunet/kernels"]);
});

test("the public functions", () => {
  expect(Object.keys(everything).sort()).toEqual([
    "SegmentationRestorer",
    "anisotropicAxis",
    "caseInMemory",
    "checkPreprocessed",
    "classLocations",
    "defaultPreprocessor",
    "fileSha256",
    "hashFiles",
    "normalizeChannel",
    "openPreprocessedCase",
    "openProbabilities",
    "planesOfDecision",
    "preprocessCase",
    "preprocessImage",
    "preprocessedHash",
    "preprocessingBytes",
    "preprocessorConformance",
    "probabilitiesInMemory",
    "probabilitiesSha256",
    "probabilityChannels",
    "readPreprocessedCase",
    "resampledGrid",
    "resampledShape",
    "restoreProbabilities",
    "restoreSegmentation",
    "scoresInMemory",
    "segmentationOnGrid",
    "storedHash",
    "storedProbabilitiesHash",
    "usesMask",
    "writePreprocessedCase",
    "writeProbabilities",
  ]);
});
