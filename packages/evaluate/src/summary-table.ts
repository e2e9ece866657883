import type { EvaluationSummary } from "@nnunet/core";

/**
 * The summary as a table for the terminal: per label the mean Dice and IoU, the worst case's Dice, the mean volumes in
 * voxels, and over how many cases the mean goes.
 *
 * @param names - of the labels or regions, in the order of `summary.mean`; their keys are shown if left out
 * @example
 * summaryTable(summary, ["anterior", "posterior"]);
 * // label          mean Dice  worst Dice  mean IoU  voxels (ref → pred)  cases
 * // 1 anterior        0.8712      0.8401    0.7719           1460 → 1432      3
 */
export function summaryTable(summary: EvaluationSummary, names?: readonly string[]): string {
  const keys = Object.keys(summary.mean);
  const header = ["label", "mean Dice", "worst Dice", "mean IoU", "voxels (ref → pred)", "cases"];
  let emptyPairs = 0;
  const rows = keys.map((key, i) => {
    const dices = summary.cases.map(({ metrics }) => metrics[key]?.dice ?? Number.NaN);
    const defined = dices.filter((dice) => !Number.isNaN(dice));
    emptyPairs += dices.length - defined.length;
    const { dice, iou, referenceVoxels, predictedVoxels } = summary.mean[key]!;
    return [
      names?.[i] === undefined ? key : `${key} ${names[i]}`,
      decimals(dice),
      decimals(defined.length > 0 ? Math.min(...defined) : Number.NaN),
      decimals(iou),
      `${Math.round(referenceVoxels)} → ${Math.round(predictedVoxels)}`,
      defined.length === dices.length ? String(dices.length) : `${defined.length} of ${dices.length}`,
    ];
  });
  const { dice, iou } = summary.foregroundMean;
  rows.push(["mean of labels", decimals(dice), "", decimals(iou), "", String(summary.cases.length)]);
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  const table = [header, ...rows].map(line).join("\n");
  if (emptyPairs === 0) return table;
  return `${table}\nA label that neither reference nor prediction has gives no Dice in that case (–); means leave it out: ${emptyPairs} of ${keys.length * summary.cases.length}.`;
}

const decimals = (value: number) => (Number.isNaN(value) ? "–" : value.toFixed(4));
