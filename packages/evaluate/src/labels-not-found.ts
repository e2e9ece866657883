import type { EvaluationSummary } from "@nnunet/core";

/** Below this mean Dice a label counts as not found: the overlap of a network that has learnt nothing of it. */
export const leastDice = 0.1;

/** A label or region that is not found, and how it fails. */
export interface LabelNotFound {
  /** "1", "(1, 2)" */
  readonly key: string;
  /** Its mean Dice. */
  readonly dice: number;
  /** No case has a voxel of it in the prediction. */
  readonly isNeverPredicted: boolean;
}

/**
 * The labels of a summary that are hardly ever where the reference has them. One that is nowhere in the references is none.
 *
 * @example labelsNotFound(summary); // [{ key: "2", dice: 0.013, isNeverPredicted: false }]
 */
export function labelsNotFound({ cases, mean }: Pick<EvaluationSummary, "cases" | "mean">): LabelNotFound[] {
  return Object.entries(mean).flatMap(([key, { dice }]) => {
    const own = cases.map(({ metrics }) => metrics[key]!);
    const isInReferences = own.some(({ referenceVoxels }) => referenceVoxels > 0);
    if (!isInReferences || !(dice < leastDice)) return [];
    return [{ key, dice, isNeverPredicted: own.every(({ predictedVoxels }) => predictedVoxels === 0) }];
  });
}
