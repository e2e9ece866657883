import { type AugmentationSet, type BatchSampler, InvalidArgumentError, type RandomGenerator } from "@nnunet/core";
import { type AugmentationParameters, augmentationParameters } from "./augmentation-parameters.ts";
import type { AugmentedPatch } from "./augmented-patch.ts";
import { createBatchSource } from "./batch-source.ts";

/** An augmentation of one's own, for `augmentation` of `nnunet.config.ts`. */
export interface Augmentation {
  readonly name: string;
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
 * @throws {InvalidArgumentError} (from a batch) if the augmentation is asynchronous: the patch is used at once
 * @example createBatchSampler({ name: "negative", augment: ({ data }) => data.forEach((x, i) => void (data[i] = -x)) });
 */
export function createBatchSampler(augmentation: Augmentation): BatchSampler<AugmentationParameters> {
  const { name, version, module, after } = augmentation;
  if (after !== undefined && !Object.hasOwn(augmentationParameters, after)) {
    const known = Object.keys(augmentationParameters).join(", ");
    throw new InvalidArgumentError("augmentation.after", `one of ${known}`, after);
  }
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(module === undefined ? {} : { module }),
    createBatchSource(options) {
      const before = options.augmentation ?? (after && augmentationParameters[after]);
      return createBatchSource({ ...options, ...(before && { augmentation: before }) }, (patch, random) => {
        const result: unknown = augmentation.augment(patch, random);
        if (typeof result !== "object" || result === null || !("then" in result)) return;
        Promise.resolve(result).catch(() => {});
        throw new InvalidArgumentError(`augmentation ${name}`, "a synchronous augment()", result);
      });
    },
  };
}
