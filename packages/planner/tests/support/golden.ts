import { existsSync, readFileSync } from "node:fs";
import { test } from "@jest/globals";
import type { DatasetJson, Fingerprint, Shape3, Spacing } from "@nnunet/core";

const folder = new URL("../../../../../shared/golden/", import.meta.url);
export const haveGolden = existsSync(folder);
if (!haveGolden) console.warn("skipped: ../shared/golden is not here, so plans are not compared with nnU-Net's own");

/** A test that needs ../shared/golden; skipped where that is absent. */
export const goldenTest = haveGolden ? test : test.skip;

export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, folder), "utf8"));
}

/** A dataset as the golden files describe it. */
export interface GoldenDataset {
  spacing: Spacing;
  shape: Shape3;
  num_cases: number;
  num_modalities: number;
  num_fg_classes: number;
}

const statistics = { mean: 100, median: 99, std: 40, min: -20, max: 300, percentile005: -3, percentile995: 210 };

/** `cases` identical cases. */
export function uniformFingerprint(spacing: Spacing, shape: Shape3, cases: number, channels = 1): Fingerprint {
  return {
    spacings: Array.from({ length: cases }, () => spacing),
    shapesAfterCrop: Array.from({ length: cases }, () => shape),
    foregroundIntensityPerChannel: Array.from({ length: channels }, () => statistics),
    medianRelativeSizeAfterCropping: 1,
  };
}

export function datasetOf(cases: number, channels = 1, classes = 1, channelName = "MRI"): DatasetJson {
  return {
    name: "Dataset900_MadeUp",
    channelNames: Array.from({ length: channels }, () => channelName),
    labels: Object.fromEntries(Array.from({ length: classes + 1 }, (_, i) => [i ? `class_${i}` : "background", i])),
    numTraining: cases,
    fileEnding: ".nii.gz",
  };
}
