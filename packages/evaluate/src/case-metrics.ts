import {
  InvalidArgumentError,
  type LabelMetrics,
  type LabelSet,
  ShapeMismatchError,
  type VoxelArray,
} from "@nnunet/core";

/**
 * Compares a segmentation with its reference, label by label (or region by region).
 *
 * Voxels that the reference marks with the ignore label count for nothing. Where neither has the label, Dice and IoU
 * are NaN: "nothing there, nothing found" is neither good nor bad.
 *
 * @param reference - label ids, any shape
 * @param prediction - label ids, as many voxels in the same order
 * @param labels - of the dataset
 * @returns one entry per foreground label, keyed "1", or per region, keyed "(1, 2)"
 * @throws {ShapeMismatchError} if the two differ in length
 * @throws {InvalidArgumentError} if there is no foreground label to compare
 * @example caseMetrics(Int16Array.of(0, 1, 1), Int16Array.of(0, 0, 1), labels)["1"].dice; // 0.6666…
 * @see docs/method.md §8
 */
export function caseMetrics(
  reference: VoxelArray,
  prediction: VoxelArray,
  labels: LabelSet,
): Record<string, LabelMetrics> {
  if (reference.length !== prediction.length) {
    throw new ShapeMismatchError(
      "prediction",
      [reference.length],
      [prediction.length],
      "as many voxels as the reference",
    );
  }
  const groups = labelGroups(labels);
  if (groups.length === 0) throw new InvalidArgumentError("labels", "at least one foreground label", labels.foreground);

  // One pass over the voxels whatever the number of labels: how often each pair (reference, prediction) occurs.
  const pairs = countPairs(reference, prediction, labels.ignoreLabel);
  let compared = 0;
  for (const count of pairs.values()) compared += count;

  const metrics: Record<string, LabelMetrics> = {};
  for (const { key, ids } of groups) {
    let truePositives = 0;
    let falsePositives = 0;
    let falseNegatives = 0;
    for (const [pair, count] of pairs) {
      const inReference = ids.has(Math.floor(pair / SPAN) - OFFSET);
      const inPrediction = ids.has((pair % SPAN) - OFFSET);
      if (inReference && inPrediction) truePositives += count;
      else if (inPrediction) falsePositives += count;
      else if (inReference) falseNegatives += count;
    }
    metrics[key] = fromCounts(
      truePositives,
      falsePositives,
      falseNegatives,
      compared - truePositives - falsePositives - falseNegatives,
    );
  }
  return metrics;
}

/** Dice = 2TP / (2TP + FP + FN), IoU = TP / (TP + FP + FN); NaN if all three are 0. */
function fromCounts(
  truePositives: number,
  falsePositives: number,
  falseNegatives: number,
  trueNegatives: number,
): LabelMetrics {
  return {
    dice: (2 * truePositives) / (2 * truePositives + falsePositives + falseNegatives),
    iou: truePositives / (truePositives + falsePositives + falseNegatives),
    truePositives,
    falsePositives,
    falseNegatives,
    trueNegatives,
    predictedVoxels: truePositives + falsePositives,
    referenceVoxels: truePositives + falseNegatives,
  };
}

/** What is scored: each foreground label by itself, or each region, with its key in summary.json. */
export function labelGroups(labels: LabelSet): { readonly key: string; readonly ids: ReadonlySet<number> }[] {
  const lists = labels.regions ?? labels.foreground.map((id) => [id]);
  return lists.map((ids) => ({
    key: ids.length === 1 ? String(ids[0]) : `(${ids.join(", ")})`,
    ids: new Set(ids),
  }));
}

// A pair of label ids as one number: exact in a double for ids of up to 25 bits and sign.
const OFFSET = 2 ** 25;
const SPAN = 2 ** 26;

function countPairs(
  reference: VoxelArray,
  prediction: VoxelArray,
  ignoreLabel: number | undefined,
): Map<number, number> {
  const pairs = new Map<number, number>();
  let last = Number.NaN; // runs of equal pairs are long: the map is touched once per run
  let run = 0;
  for (let i = 0; i < reference.length; i++) {
    if (reference[i] === ignoreLabel) continue;
    const pair = (reference[i]! + OFFSET) * SPAN + prediction[i]! + OFFSET;
    if (pair === last) {
      run++;
    } else {
      if (run > 0) pairs.set(last, (pairs.get(last) ?? 0) + run);
      last = pair;
      run = 1;
    }
  }
  if (run > 0) pairs.set(last, (pairs.get(last) ?? 0) + run);
  return pairs;
}
