import { type ModelDataset, type EvaluationSummary, labelSet } from "@nnunet/core";
import { summaryTable, surfaceTable } from "@nnunet/evaluate";

/** The scores of a summary with the labels' names, as lines; those of the surfaces below, where there are any. */
export function diceTable(summary: EvaluationSummary, dataset: ModelDataset): string[] {
  const labels = labelSet(dataset);
  const surfaces = surfaceTable(summary, labels);
  return [...summaryTable(summary, labels).split("\n"), ...(surfaces.length === 0 ? [] : ["", ...surfaces])];
}
