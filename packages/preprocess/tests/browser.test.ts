import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import * as everything from "@nnunet/preprocess";

/** All files that a source file imports, directly or not, and the packages it names. */
function imports(url: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(url.href)) return seen;
  seen.add(url.href);
  for (const [, name] of readFileSync(url, "utf8").matchAll(/^(?:import|export)[^"]*? from "([^"]+)"/gms)) {
    if (name!.startsWith(".")) imports(new URL(name!, url), seen);
    else seen.add(name!);
  }
  return seen;
}

test("the browser entry reaches no Node module", () => {
  const names = [...imports(new URL("../src/browser.ts", import.meta.url))].filter((name) => !name.startsWith("file:"));
  expect(names.sort()).toEqual(["@nnunet/core", "@nnunet/kernels"]);
});

test("the public functions", () => {
  expect(Object.keys(everything).sort()).toEqual([
    "SegmentationRestorer",
    "anisotropicAxis",
    "caseInMemory",
    "classLocations",
    "defaultPreprocessor",
    "fileSha256",
    "hashFiles",
    "normalizeChannel",
    "openPreprocessedCase",
    "openProbabilities",
    "preprocessCase",
    "preprocessImage",
    "preprocessedHash",
    "preprocessingBytes",
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
