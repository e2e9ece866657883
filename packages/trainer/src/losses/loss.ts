import type { Tape, Value } from "./tape.ts";

/**
 * A loss in the operations of a tape: from the logits [n, class, (z,) y, x] of one head and its target to a scalar.
 * `target` is int32 [n, 1, …] of label ids, or [n, region, …] of 0/1 for region-based training (the ignore label
 * keeps its id, in every channel). It trains in every engine, since it is the engine that brings the tape.
 *
 * @example
 * const squared: Loss = (tape, logits, target) => { … return tape.mean(tape.multiply(error, error)); };
 */
export type Loss = <V extends Value>(tape: Tape<V>, logits: V, target: V) => V;

export interface DiceCrossEntropyOptions {
  /** Dice over the batch as one volume, instead of the mean over samples (docs/method.md §6). */
  readonly batchDice: boolean;
  /** Voxels with this label count nowhere. */
  readonly ignoreLabel?: number;
  /** Regions: sigmoid and binary cross-entropy, and every channel counts as foreground. */
  readonly regions?: boolean;
  readonly diceWeight?: number;
  readonly crossEntropyWeight?: number;
}

const smooth = 1e-5;

/**
 * Cross-entropy plus negative soft Dice, weights 1 and 1 (paper, Supplement B.1; docs/method.md §6).
 *
 * Dice of a class = (2·Σ p·g + 1e-5) / (Σ p + Σ g + 1e-5), without the background; its mean over classes (and samples)
 * enters with a minus, so a perfect segmentation has loss −1.
 */
export function diceCrossEntropy(options: DiceCrossEntropyOptions): Loss {
  const { batchDice, ignoreLabel, regions = false, diceWeight = 1, crossEntropyWeight = 1 } = options;
  return (tape, logits, target) => {
    const { probabilities, truth, entropy } = regions
      ? regionTerms(tape, logits, target)
      : softmaxTerms(tape, logits, target);
    const mask = ignoreLabel === undefined ? undefined : annotated(tape, target, ignoreLabel);
    const crossEntropy = mask === undefined ? tape.mean(entropy) : maskedMean(tape, entropy, mask);
    const dice = softDice(tape, probabilities, truth, mask, batchDice, regions);
    return tape.subtract(
      tape.multiply(crossEntropy, tape.scalar(crossEntropyWeight)),
      tape.multiply(dice, tape.scalar(diceWeight)),
    );
  };
}

interface Terms<V> {
  readonly probabilities: V;
  /** 0 or 1, of the shape of the probabilities. */
  readonly truth: V;
  /** Cross-entropy per voxel. */
  readonly entropy: V;
}

/** Cross-entropy of every voxel, [n, 1, …]; of every voxel and region, [n, region, …]. */
export function crossEntropyPerVoxel<V extends Value>(tape: Tape<V>, logits: V, target: V, regions: boolean): V {
  return (regions ? regionTerms : softmaxTerms)(tape, logits, target).entropy;
}

/** Softmax over the channels; entropy has one channel. */
function softmaxTerms<V extends Value>(tape: Tape<V>, logits: V, target: V): Terms<V> {
  const shifted = tape.subtract(logits, tape.constantMax(logits, 1));
  const exponentials = tape.exp(shifted);
  const sum = tape.sum(exponentials, [1]);
  const truth = oneHot(tape, target, logits.shape[1]!);
  const chosen = tape.sum(tape.multiply(shifted, truth), [1]);
  return { probabilities: tape.divide(exponentials, sum), truth, entropy: tape.subtract(tape.log(sum), chosen) };
}

/** −g·log σ(l) − (1 − g)·log(1 − σ(l)) = softplus(l) − g·l */
function regionTerms<V extends Value>(tape: Tape<V>, logits: V, target: V): Terms<V> {
  const truth = tape.equal(target, tape.integer(1));
  const entropy = tape.subtract(tape.softplus(logits), tape.multiply(truth, logits));
  return { probabilities: tape.sigmoid(logits), truth, entropy };
}

export function oneHot<V extends Value>(tape: Tape<V>, target: V, classes: number): V {
  return tape.equal(
    target,
    tape.integers(
      Array.from({ length: classes }, (_, c) => c),
      [1, classes, ...target.shape.slice(2).map(() => 1)],
    ),
  );
}

/** 1 where a voxel counts, one channel. With regions an ignored voxel holds the ignore label in every channel. */
export function annotated<V extends Value>(tape: Tape<V>, target: V, ignoreLabel: number): V {
  return tape.notEqual(target.shape[1] === 1 ? target : tape.firstChannel(target), tape.integer(ignoreLabel));
}

function maskedMean<V extends Value>(tape: Tape<V>, x: V, mask: V): V {
  const channels = x.shape[1]! / mask.shape[1]!;
  const count = tape.atLeast(tape.multiply(tape.sum(mask), tape.scalar(channels)), 1e-8);
  return tape.divide(tape.sum(tape.multiply(x, mask)), count);
}

function softDice<V extends Value>(
  tape: Tape<V>,
  probabilities: V,
  truth: V,
  mask: V | undefined,
  batchDice: boolean,
  regions: boolean,
): V {
  const spatial = probabilities.shape.slice(2).map((_, axis) => axis + 2);
  const axes = batchDice ? [0, ...spatial] : spatial;
  const p = mask === undefined ? probabilities : tape.multiply(probabilities, mask);
  const g = mask === undefined ? truth : tape.multiply(truth, mask);
  const overlap = tape.sum(tape.multiply(p, truth), axes);
  const volume = tape.add(tape.sum(p, axes), tape.sum(g, axes));
  const numerator = tape.add(tape.multiply(overlap, tape.scalar(2)), tape.scalar(smooth));
  const dice = tape.divide(numerator, tape.atLeast(tape.add(volume, tape.scalar(smooth)), 1e-8));
  const classes = probabilities.shape[1]!;
  if (regions) return tape.mean(dice);
  // background, channel 0, does not count
  const weights = tape.floats(
    Array.from({ length: classes }, (_, c) => (c === 0 ? 0 : 1 / (classes - 1))),
    [1, classes, ...spatial.map(() => 1)],
  );
  const weighted = tape.sum(tape.multiply(dice, weights));
  return tape.multiply(weighted, tape.scalar(1 / dice.shape[0]!));
}
