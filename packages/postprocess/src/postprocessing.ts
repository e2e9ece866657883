import type { Shape3 } from "@nnunet/core";
import type { Connectivity } from "@nnunet/kernels";
import { keepLargestComponents, type LabelGroup } from "./keep-largest-components.ts";

/** Mean Dice over the validation cases, by label ("1") or region ("(1, 2)"); NaN where it is never defined. */
export type MeanDice = Readonly<Record<string, number>>;

/** One question that was put to the validation cases. */
export interface PostprocessingDecision {
  readonly group: LabelGroup;
  /** Of what had been adopted until then. */
  readonly before: MeanDice;
  readonly after: MeanDice;
  readonly adopted: boolean;
}

/** What to do with a segmentation, and why: the content of `postprocessing.json`. */
export interface Postprocessing {
  /** Name of the acceptance rules. */
  readonly rules: string;
  readonly connectivity: Connectivity;
  /** Applied in order; empty if nothing helped. */
  readonly keepLargest: readonly LabelGroup[];
  /** Validation cases that decided. */
  readonly cases: number;
  readonly decisions: readonly PostprocessingDecision[];
}

/**
 * Applies what {@link determinePostprocessing} found.
 *
 * @param segmentation - label ids, [z, y, x]; left alone
 * @returns a new array
 * @example applyPostprocessing(segmentation.data, [40, 56, 40], postprocessing);
 */
export function applyPostprocessing(
  segmentation: Int16Array,
  shape: Shape3,
  { keepLargest, connectivity }: Pick<Postprocessing, "keepLargest" | "connectivity">,
): Int16Array {
  return keepLargestComponents(segmentation, shape, keepLargest, { connectivity });
}
