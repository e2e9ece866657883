import { augmentationParameters } from "@nnunet/augment";
import type { Configuration } from "@nnunet/core";
import type { FoldPaths } from "../folders.ts";
import { readRecord } from "../records/made-from.ts";
import type { SamplingSettings } from "./fold-batches.ts";

/** Axes of the patch along which a training mirrors: all, or none where its augmentation has no mirroring. */
export function mirroredAxes({ patchSize, augmentation }: Configuration, sampling: SamplingSettings = {}): number[] {
  const { mirror } = sampling.augmentation ?? augmentationParameters[augmentation];
  return mirror.probability > 0 ? patchSize.map((_, axis) => axis) : [];
}

/**
 * Axes along which all of these folds were mirrored in training. A prediction may mirror along no other: a network that has
 * never seen a mirrored image takes the left for the right.
 *
 * A training of an earlier version has not recorded them; its plan says how it was augmented.
 */
export async function mirroredInTraining(folds: readonly FoldPaths[], configuration: Configuration): Promise<number[]> {
  let axes = configuration.patchSize.map((_, axis) => axis);
  for (const { madeFrom } of folds) {
    const { mirrorAxes } = await readRecord(madeFrom);
    const trained: readonly unknown[] = Array.isArray(mirrorAxes) ? mirrorAxes : mirroredAxes(configuration);
    axes = axes.filter((axis) => trained.includes(axis));
  }
  return axes;
}
