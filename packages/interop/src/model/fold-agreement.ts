import { isDeepStrictEqual } from "node:util";
import type { ModelDataset, Plans } from "@nnunet/core";

/** What one fold was trained by, as far as it decides what the network makes of an image. */
export interface FoldTraining {
  readonly trainer: string;
  readonly configuration: string;
  readonly mirrorAxes: readonly number[];
  /** That its checkpoint carries; undefined where it carries none that is read. */
  readonly plans: Plans | undefined;
  readonly dataset: ModelDataset | undefined;
}

/**
 * The first thing in which two folds differ so that their mean would be of two models.
 *
 * @returns what the second was trained by, and the first, in words; undefined where they agree
 */
export function foldDifference(before: FoldTraining, after: FoldTraining): string | undefined {
  const said = [before, after].map(({ configuration, trainer, mirrorAxes }) => [
    `as ${configuration}`,
    mirrorAxes.length === 0 ? "without mirroring" : `with mirroring along [${mirrorAxes.join(", ")}]`,
    `by ${trainer}`,
  ]);
  const other = said[0]!.findIndex((words, i) => words !== said[1]![i]);
  if (other >= 0) return `${said[1]![other]}, the fold before ${said[0]![other]}`;
  const field = descriptionDifference(before, after);
  return field === undefined ? undefined : `with other ${field} than the fold before`;
}

/** The first field of plans and dataset that decides a prediction and differs; undefined where one of them is not known. */
export function descriptionDifference(
  a: Pick<FoldTraining, "plans" | "dataset" | "configuration">,
  b: Pick<FoldTraining, "plans" | "dataset">,
): string | undefined {
  if (a.plans && b.plans) {
    const [before, after] = [deciding(a.plans, a.configuration), deciding(b.plans, a.configuration)];
    const field = Object.keys({ ...before, ...after }).find((key) => !isDeepStrictEqual(before[key], after[key]));
    if (field !== undefined) return field;
  }
  if (a.dataset && b.dataset) {
    if (!isDeepStrictEqual(outputs(a.dataset), outputs(b.dataset))) return "labels";
  }
  return undefined;
}

/** What of a plan decides a prediction, by the keys of `plans.json`. */
function deciding(plans: Plans, name: string): Record<string, unknown> {
  const c = plans.configurations[name]!;
  return {
    spacing: c.spacing,
    patch_size: c.patchSize,
    normalization_schemes: c.normalizationSchemes,
    use_mask_for_norm: c.useMaskForNorm,
    ...(c.normalizationSchemes.includes("CT") && {
      foreground_intensity_properties_per_channel: plans.foregroundIntensityPerChannel,
    }),
    resampling_fn_data_kwargs: c.resamplingData,
    resampling_fn_probabilities_kwargs: c.resamplingProbabilities,
    architecture: c.architecture,
    previous_stage: c.previousConfiguration,
    transpose_forward: plans.transposeForward,
    transpose_backward: plans.transposeBackward,
    image_reader_writer: plans.imageReaderWriter,
  };
}

/** Labels in the order of the network's outputs: by their ids, regions as they are listed. */
function outputs({ labels, regionsClassOrder }: ModelDataset): unknown {
  const entries = Object.entries(labels);
  return regionsClassOrder ? [entries, regionsClassOrder] : entries.sort(([, a], [, b]) => Number(a) - Number(b));
}
