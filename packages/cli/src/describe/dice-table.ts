import { type ModelDataset, type EvaluationSummary, labelSet } from "@nnunet/core";
import { summaryTable } from "@nnunet/evaluate";

/** The scores of a summary with the labels' names, as lines. */
export function diceTable(summary: EvaluationSummary, dataset: ModelDataset): string[] {
  return summaryTable(summary, labelSet(dataset)).split("\n");
}
