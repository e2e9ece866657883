import { elementCount, InvalidArgumentError } from "@nnunet/core";
import { annotated, crossEntropyPerVoxel, type Loss } from "./loss.ts";
import type { Tape, Value } from "./tape.ts";

export interface TopKOptions {
  /** Of all voxels of the batch, those with the largest cross-entropy: 0.1 for the paper's TopK10. */
  readonly fraction: number;
  /** Voxels with this label have a cross-entropy of 0; they are counted among all, as in nnU-Net. */
  readonly ignoreLabel?: number;
  readonly regions?: boolean;
}

/**
 * The mean cross-entropy of the worst voxels (paper, Figure 6: TopK10).
 *
 * The k-th largest value is a constant; where several voxels have it, they share what is left of k, so that neither loss
 * nor gradient depends on an order among equals.
 *
 * @throws {InvalidArgumentError} if the fraction is not in (0, 1]
 * @example topKCrossEntropy({ fraction: 0.1 });
 */
export function topKCrossEntropy({ fraction, ignoreLabel, regions = false }: TopKOptions): Loss {
  if (!(fraction > 0 && fraction <= 1)) throw new InvalidArgumentError("fraction", "a number in (0, 1]", fraction);
  return (tape, logits, target) => {
    const entropy = crossEntropyPerVoxel(tape, logits, target, regions);
    const counted = ignoreLabel === undefined ? entropy : tape.multiply(entropy, annotated(tape, target, ignoreLabel));
    return meanOfLargest(tape, counted, Math.max(1, Math.floor(fraction * elementCount(counted.shape))));
  };
}

function meanOfLargest<V extends Value>(tape: Tape<V>, x: V, k: number): V {
  const least = tape.constantLargest(x, k);
  const above = tape.greater(x, least);
  const tied = tape.equal(x, least);
  const share = tape.divide(tape.subtract(tape.scalar(k), tape.sum(above)), tape.sum(tied));
  const sum = tape.add(tape.sum(tape.multiply(x, above)), tape.multiply(tape.sum(tape.multiply(x, tied)), share));
  return tape.multiply(sum, tape.scalar(1 / k));
}
