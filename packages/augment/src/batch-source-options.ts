import {
  type Configuration,
  InvalidArgumentError,
  type LabelSet,
  type PreprocessedCaseReader,
  ShapeMismatchError,
  UnknownStageError,
} from "@nnunet/core";
import { type AugmentationParameters, augmentationParameters } from "./augmentation-parameters.ts";

export interface BatchSourceOptions {
  /** The cases of the fold, drawn uniformly with replacement. */
  readonly cases: readonly PreprocessedCaseReader[];
  readonly configuration: Pick<
    Configuration,
    "patchSize" | "batchSize" | "dummy2dAugmentation" | "useMaskForNorm" | "augmentation"
  >;
  readonly labels: LabelSet;
  readonly seed: number;
  /** `validation`: the network's patch, not augmented, still oversampled. */
  readonly mode: "training" | "validation";
  /** One entry per deep-supervision output, each a fraction per axis of the patch; the first is all 1. */
  readonly outputScales: readonly (readonly number[])[];
  /** The configuration's by default. */
  readonly batchSize?: number;
  /** Fraction of a batch that must contain foreground; 0.33. */
  readonly foregroundOversampling?: number;
  /** By default the set that the configuration names. */
  readonly augmentation?: AugmentationParameters;
  /** Axes of `patchSize` that may be mirrored; all by default. Leave out left–right for sided labels. */
  readonly mirrorAxes?: readonly number[];
  /**
   * The previous configuration's segmentations, one per case in the same order and on the same grid. Their foreground
   * labels become extra 0/1 channels after the image's (cascade). Only `seg` of a patch is used; `shape[0]` may be 0.
   */
  readonly previousSegmentations?: readonly PreviousSegmentationReader[];
}

export type PreviousSegmentationReader = Pick<PreprocessedCaseReader, "id" | "shape" | "readPatch">;

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
