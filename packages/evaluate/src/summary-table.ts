import { displayWidth, type EvaluationSummary, type LabelSet, padded, printableName } from "@nnunet/core";
import { labelGroups } from "./case-metrics.ts";

/**
 * The summary as a table for the terminal: per label the mean Dice and IoU, the worst case's Dice, the mean volumes in
 * voxels, and over how many cases the mean goes. A remark of the summary stands below it.
 *
 * @param labels - gives each label or region its name; or, for labels without regions, the names alone in ascending
 *   order of the ids. Keys only are shown if left out.
 * @example
 * summaryTable(summary, labelSet(dataset));
 * // label          mean Dice  worst Dice  mean IoU  voxels (ref → pred)  cases
 * // 1 anterior        0.8712      0.8401    0.7719           1460 → 1432      3
 */
export function summaryTable(summary: EvaluationSummary, labels?: LabelSet | readonly string[]): string {
  const keys = keysInOrder(summary, labels);
  const names = namesByKey(keys, labels);
  const header = ["label", "mean Dice", "worst Dice", "mean IoU", "voxels (ref → pred)", "cases"];
  let emptyPairs = 0;
  const rows = keys.map((key) => {
    const dices = summary.cases.map(({ metrics }) => metrics[key]?.dice ?? Number.NaN);
    const defined = dices.filter((dice) => !Number.isNaN(dice));
    emptyPairs += dices.length - defined.length;
    const { dice, iou, referenceVoxels, predictedVoxels } = summary.mean[key]!;
    return [
      printableName(names.has(key) ? `${key} ${names.get(key)}` : key),
      decimals(dice),
      decimals(defined.length > 0 ? Math.min(...defined) : Number.NaN),
      decimals(iou),
      `${Math.round(referenceVoxels)} → ${Math.round(predictedVoxels)}`,
      defined.length === dices.length ? String(dices.length) : `${defined.length} of ${dices.length}`,
    ];
  });
  const { dice, iou } = summary.foregroundMean;
  rows.push(["mean of labels", decimals(dice), "", decimals(iou), "", String(summary.cases.length)]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => displayWidth(row[column]!))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => padded(cell, widths[i]!, i === 0 ? "end" : "start"))
      .join("  ")
      .trimEnd();
  const remark = summary.remark === undefined ? "" : `\n${summary.remark}`;
  const table = `${[header, ...rows].map(line).join("\n")}${remark}`;
  if (emptyPairs === 0) return table;
  return `${table}\nA label that neither reference nor prediction has gives no Dice in that case (–); means leave it out: ${emptyPairs} of ${keys.length * summary.cases.length}.`;
}

function namesByKey(keys: readonly string[], labels: LabelSet | readonly string[] | undefined): Map<string, string> {
  if (labels === undefined) return new Map();
  if ("outputChannels" in labels) return new Map(labelGroups(labels).map(({ key }, i) => [key, labels.names[i]!]));
  // A record lists "2" before "(1, 2)" whatever was written first, so names alone cannot be told apart for regions.
  if (keys.some((key) => key.startsWith("("))) return new Map();
  return new Map(keys.flatMap((key, i) => (labels[i] === undefined ? [] : [[key, labels[i]] as const])));
}

const decimals = (value: number) => (Number.isNaN(value) ? "–" : value.toFixed(4));

/** As dataset.json lists them: an object of JSON puts "2" before "(1, 2)", whatever was written first. */
function keysInOrder(summary: EvaluationSummary, labels: LabelSet | readonly string[] | undefined): string[] {
  const keys = Object.keys(summary.mean);
  if (labels === undefined || !("outputChannels" in labels)) return keys;
  const declared = labelGroups(labels).map(({ key }) => key);
  return [...declared.filter((key) => keys.includes(key)), ...keys.filter((key) => !declared.includes(key))];
}
