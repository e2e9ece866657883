import { annotated, oneHot } from "./loss.ts";
import type { Tape, Value } from "./tape.ts";

/** Sums over a batch, [1, class, 1, …]; with labels, channel 0 is the background. */
export interface ConfusionCounts<V> {
  readonly truePositives: V;
  readonly falsePositives: V;
  readonly falseNegatives: V;
}

/**
 * Counts of the hard segmentation: the class of the largest logit, or every region whose logit is above 0 (whose
 * probability is above a half). Voxels with the ignore label count nowhere.
 *
 * @param logits - [n, class, (z,) y, x]
 * @param target - as a {@link Loss} has it
 */
export function confusionCounts<V extends Value>(
  tape: Tape<V>,
  logits: V,
  target: V,
  { regions = false, ignoreLabel }: { readonly regions?: boolean; readonly ignoreLabel?: number },
): ConfusionCounts<V> {
  const classes = logits.shape[1]!;
  let predicted = regions ? tape.greater(logits, tape.scalar(0)) : oneHot(tape, tape.argMax(logits, 1), classes);
  let truth = regions ? tape.equal(target, tape.integer(1)) : oneHot(tape, target, classes);
  if (ignoreLabel !== undefined) {
    const mask = annotated(tape, target, ignoreLabel);
    predicted = tape.multiply(predicted, mask);
    truth = tape.multiply(truth, mask);
  }
  const both = tape.multiply(predicted, truth);
  const counted = (x: V) => tape.sum(x, [0, ...logits.shape.slice(2).map((_, axis) => axis + 2)]);
  return {
    truePositives: counted(both),
    falsePositives: counted(tape.subtract(predicted, both)),
    falseNegatives: counted(tape.subtract(truth, both)),
  };
}
