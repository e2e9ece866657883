import { readFileSync } from "node:fs";
import type { DatasetJson, Fingerprint, Shape3, Spacing } from "@nnunet/core";

/** Numbers that nnU-Net itself gave; test-data/golden/README.md says which version. */
export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../../test-data/golden/${name}`, import.meta.url), "utf8"));
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
    pooledForegroundIntensityPerChannel: Array.from({ length: channels }, () => ({ ...statistics, mean: 95 })),
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
