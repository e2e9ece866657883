import { counted, type EvaluationSummary, type LabelSet } from "@nnunet/core";
import { alignedTable } from "./aligned-table.ts";
import type { Interval } from "./bootstrap.ts";
import { diceIntervals, groupCount } from "./dice-intervals.ts";
import { labelTitles } from "./label-titles.ts";

/**
 * The summary as a table for the terminal: per label the mean Dice with its 95 % interval and the mean IoU, the worst
 * case's Dice, the mean volumes in voxels, and over how many cases the mean goes. A remark of the summary stands below it.
 *
 * @param labels - gives each label or region its name; or, for labels without regions, the names alone in ascending
 *   order of the ids. Keys only are shown if left out.
 * @example
 * summaryTable(summary, labelSet(dataset));
 * // label          mean Dice  95 % interval  worst Dice  mean IoU  voxels (ref → pred)  cases
 * // 1 anterior        0.8712    0.848–0.894      0.8401    0.7719           1460 → 1432     12
 */
export function summaryTable(summary: EvaluationSummary, labels?: LabelSet | readonly string[]): string {
  const intervals = diceIntervals(summary);
  const header = ["label", "mean Dice", "95 % interval", "worst Dice", "mean IoU", "voxels (ref → pred)", "cases"];
  const titles = labelTitles(summary, labels);
  let emptyPairs = 0;
  const rows = titles.map(({ key, title }) => {
    const dices = summary.cases.map(({ metrics }) => metrics[key]?.dice ?? Number.NaN);
    const defined = dices.filter((dice) => !Number.isNaN(dice));
    emptyPairs += dices.length - defined.length;
    const { dice, iou, referenceVoxels, predictedVoxels } = summary.mean[key]!;
    return [
      title,
      decimals(dice),
      bounds(intervals.mean[key]!),
      decimals(defined.length > 0 ? Math.min(...defined) : Number.NaN),
      decimals(iou),
      `${Math.round(referenceVoxels)} → ${Math.round(predictedVoxels)}`,
      defined.length === dices.length ? String(dices.length) : `${defined.length} of ${dices.length}`,
    ];
  });
  const { dice, iou } = summary.foregroundMean;
  const ofMean = Number.isNaN(dice) ? "–" : bounds(intervals.foregroundMean);
  rows.push(["mean of labels", decimals(dice), ofMean, "", decimals(iou), "", String(summary.cases.length)]);
  const lines = alignedTable(header, rows);
  const groups = groupCount(summary);
  if (groups !== undefined) {
    lines.push(
      `Intervals draw the ${counted(groups, "group")} of the ${summary.cases.length} cases anew, not single cases.`,
    );
  }
  if (summary.remark !== undefined) lines.push(summary.remark);
  if (emptyPairs > 0) {
    lines.push(
      `A label that neither reference nor prediction has gives no Dice in that case (–); means leave it out: ${emptyPairs} of ${titles.length * summary.cases.length}.`,
    );
  }
  return lines.join("\n");
}

const decimals = (value: number) => (Number.isNaN(value) ? "–" : value.toFixed(4));

const bounds = ({ low, high }: Interval) => (Number.isNaN(low) ? "–" : `${low.toFixed(3)}–${high.toFixed(3)}`);
