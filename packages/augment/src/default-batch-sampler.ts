import type { BatchSampler } from "@nnunet/core";
import type { AugmentationParameters } from "./augmentation-parameters.ts";
import { createBatchSource } from "./batch-source.ts";

/** Foreground oversampling and the paper's augmentations (or the set that the plan names), as a stage. */
export const defaultBatchSampler: BatchSampler<AugmentationParameters> = {
  name: "default",
  createBatchSource: (options) => createBatchSource(options),
};
