import {
  type BatchSourceOptions as AnyBatchSourceOptions,
  InvalidArgumentError,
  ShapeMismatchError,
  UnknownStageError,
} from "@nnunet/core";
import { type AugmentationParameters, augmentationParameters } from "./augmentation-parameters.ts";
import { checkParameters } from "./check-parameters.ts";

/** What a source of batches is made from; the augmentation is plain data, so that it travels to workers. */
export type BatchSourceOptions = AnyBatchSourceOptions<AugmentationParameters>;

/** @throws {InvalidArgumentError | ShapeMismatchError | UnknownStageError} naming the option that cannot be */
export function checkOptions(
  options: BatchSourceOptions & { batchSize: number; foregroundOversampling: number; mirrorAxes: readonly number[] },
): void {
  const { cases, configuration, batchSize, foregroundOversampling, mirrorAxes, outputScales } = options;
  const axes = configuration.patchSize.length;
  const { previousSegmentations, augmentation } = options;
  if (augmentation === undefined && !Object.hasOwn(augmentationParameters, configuration.augmentation)) {
    throw new UnknownStageError("augmentation set", configuration.augmentation, Object.keys(augmentationParameters));
  }
  if (augmentation !== undefined) checkParameters(augmentation);
  if (cases.length === 0) throw new InvalidArgumentError("cases", "at least one preprocessed case", cases);
  if (axes !== 2 && axes !== 3) {
    throw new InvalidArgumentError("configuration.patchSize", "two or three axes [(z,) y, x]", configuration.patchSize);
  }
  if (!(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new InvalidArgumentError("batchSize", "a positive integer", batchSize);
  }
  if (!(foregroundOversampling >= 0 && foregroundOversampling <= 1)) {
    throw new InvalidArgumentError("foregroundOversampling", "a fraction in [0, 1]", foregroundOversampling);
  }
  if (!mirrorAxes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < axes)) {
    throw new InvalidArgumentError("mirrorAxes", `axes of the patch, 0 to ${axes - 1}`, mirrorAxes);
  }
  if (outputScales.length === 0 || !outputScales.every((s) => s.length === axes && s.every((f) => f > 0 && f <= 1))) {
    throw new InvalidArgumentError(
      "outputScales",
      `lists of ${axes} fractions in (0, 1], one list per output`,
      outputScales,
    );
  }
  if (previousSegmentations === undefined) return;
  for (const [i, { id, shape }] of cases.entries()) {
    const previous = previousSegmentations[i];
    if (previous === undefined) {
      throw new InvalidArgumentError("previousSegmentations", `one per case (${cases.length})`, previousSegmentations);
    }
    if (previous.shape.slice(1).some((n, axis) => n !== shape[axis + 1])) {
      throw new ShapeMismatchError(
        `previous segmentation of case ${id}`,
        shape.slice(1),
        previous.shape.slice(1),
        "resample it to the grid of this configuration first",
      );
    }
  }
}
