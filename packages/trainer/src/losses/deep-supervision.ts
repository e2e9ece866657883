import { elementCount, InvalidArgumentError } from "@nnunet/core";
import { checkedTape } from "./checked-tape.ts";
import type { Loss } from "./loss.ts";
import type { Tape, Value } from "./tape.ts";

/**
 * Weights of the deep-supervision losses, highest resolution first: halved at each step, the lowest resolution gets
 * nothing, and the sum is 1 (docs/method.md §0 item 11). With one output its weight is 1.
 *
 * @example deepSupervisionWeights(4); // [4/7, 2/7, 1/7, 0]
 */
export function deepSupervisionWeights(outputs: number): number[] {
  if (!(Number.isInteger(outputs) && outputs > 0))
    throw new InvalidArgumentError("outputs", "a positive integer", outputs);
  if (outputs === 1) return [1];
  const raw = Array.from({ length: outputs }, (_, i) => (i === outputs - 1 ? 0 : 1 / 2 ** i));
  const sum = raw.reduce((a, b) => a + b);
  return raw.map((w) => w / sum);
}

function scalarOf<V extends Value>(value: V): V {
  const received: unknown = value;
  if (typeof received !== "object" || received === null || !("shape" in received)) {
    throw new InvalidArgumentError("loss", "a value of the tape, as `return tape.mean(…)` gives it", received);
  }
  if (elementCount(value.shape) === 1) return value;
  throw new InvalidArgumentError("loss", "one number: tape.mean(…) or tape.sum(…) of what is computed", value.shape);
}

/** Σ weight · loss(logits of the head, its target); heads of weight 0 are not computed. */
export function deepSupervisionLoss<V extends Value>(
  tape: Tape<V>,
  loss: Loss,
  logits: readonly V[],
  targets: readonly V[],
  weights: readonly number[],
): V {
  const terms = weights.flatMap((weight, i) => {
    if (weight === 0) return [];
    const { checked, dependsOnLogits } = checkedTape(tape, logits[i]!, targets[i]!);
    const value = scalarOf(loss(checked, logits[i]!, targets[i]!));
    if (!dependsOnLogits(value)) {
      const expected = "a value that the logits change (comparisons and maxima have no gradient)";
      throw new InvalidArgumentError("loss", expected, "one that is the same for all weights");
    }
    return [tape.multiply(value, tape.scalar(weight))];
  });
  return terms.reduce((a, b) => tape.add(a, b));
}
