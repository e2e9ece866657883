import { diceCrossEntropy, type Loss } from "./loss.ts";
import { topKCrossEntropy } from "./top-k.ts";

/** What a loss has to know of dataset and plan. */
export interface LossScope {
  /** Dice over the batch as one volume, instead of the mean over samples. */
  readonly batchDice: boolean;
  /** Voxels with this label count nowhere. */
  readonly ignoreLabel?: number;
  /** Region-based training: the target has a 0/1 channel per region. */
  readonly regions: boolean;
}

export type LossMaker = (scope: LossScope) => Loss;

/**
 * The losses that a training may name. Add one here, or give `createTrainer` your own beside these.
 *
 * @see docs/method.md §6
 */
export const losses = {
  "dice-cross-entropy": (scope) => diceCrossEntropy(scope),
  "cross-entropy": (scope) => diceCrossEntropy({ ...scope, diceWeight: 0 }),
  dice: (scope) => diceCrossEntropy({ ...scope, crossEntropyWeight: 0 }),
  topk10: (scope) => topKCrossEntropy({ ...scope, fraction: 0.1 }),
} as const satisfies Record<string, LossMaker>;
