import { type AugmentationSet, type BatchSampler, InvalidArgumentError, type RandomGenerator } from "@nnunet/core";
import { type AugmentationParameters, augmentationParameters } from "./augmentation-parameters.ts";
import type { AugmentedPatch } from "./augmented-patch.ts";
import { createBatchSource } from "./batch-source.ts";
import type { OwnAugmentation } from "./own-augmentation.ts";

/** An augmentation of one's own, for `augmentation` of `nnunet.config.ts`. */
export interface Augmentation extends OwnAugmentation {
  readonly version?: string;
  /** URL of a module whose default export this is, so that worker threads can import it; a config file needs none. */
  readonly module?: string;
  /** Our set that comes before it: the plan's by default; "none" leaves this augmentation alone. */
  readonly after?: AugmentationSet;
  /** Of training patches only. All chance comes from `random`, or batches would differ from run to run. */
  augment(patch: AugmentedPatch, random: RandomGenerator): void;
}

/**
 * The default sampler with an augmentation of one's own after ours (and before mirroring).
 *
 * @throws {InvalidArgumentError} if it has no name or function; from a batch, naming the case, if the augmentation is
 *   asynchronous, puts other arrays in the place of the patch's, or leaves voxels that are not finite or labels that
 *   dataset.json does not have
 * @example createBatchSampler({ name: "negative", augment: ({ data }) => data.forEach((x, i) => void (data[i] = -x)) });
 */
export function createBatchSampler(augmentation: Augmentation): BatchSampler<AugmentationParameters> {
  if (typeof augmentation !== "object" || augmentation === null) {
    throw new InvalidArgumentError("augmentation", "an object", augmentation);
  }
  const { name, version, module, after } = augmentation;
  if (typeof name !== "string" || name === "") throw new InvalidArgumentError("augmentation.name", "a name", name);
  if (typeof augmentation.augment !== "function") {
    throw new InvalidArgumentError("augmentation.augment", "a function", augmentation.augment);
  }
  if (after !== undefined && !Object.hasOwn(augmentationParameters, after)) {
    const known = Object.keys(augmentationParameters).join(", ");
    throw new InvalidArgumentError("augmentation.after", `one of ${known}`, after);
  }
  const own = {
    name,
    augment: (patch: AugmentedPatch, random: RandomGenerator) => augmentation.augment(patch, random),
  };
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(module === undefined ? {} : { module }),
    createBatchSource(options) {
      const before = options.augmentation ?? (after && augmentationParameters[after]);
      return createBatchSource({ ...options, ...(before && { augmentation: before }) }, own);
    },
  };
}
