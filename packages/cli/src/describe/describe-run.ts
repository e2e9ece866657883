import { counted } from "@nnunet/core";
import { summaryToJson } from "@nnunet/evaluate";
import type { RunResult } from "@nnunet/pipeline";
import { diceTable } from "./dice-table.ts";

/** Scores and files, as a person wants to see them at the end. */
export function describeRun({ dataset, folds, test }: RunResult): string[] {
  const lines: string[] = [];
  for (const { configuration, fold, training } of folds) {
    const cases = counted(training.validation.cases.length, `${fold === "all" ? "training" : "validation"} case`);
    lines.push("", `${configuration}, fold ${fold}: ${cases}`);
    lines.push(...diceTable(training.validation, dataset.json), `Model: ${training.model}`);
  }
  for (const { configuration, folder, summary } of test) {
    lines.push("", `${configuration}: images of imagesTs segmented into ${folder}`);
    if (!summary) continue;
    lines.push(`Against labelsTs, ${counted(summary.cases.length, "case")}:`, ...diceTable(summary, dataset.json));
  }
  return lines;
}

export function runToJson({ dataset, folds, test }: RunResult): unknown {
  return {
    dataset: dataset.folder,
    folds: folds.map(({ configuration, fold, training }) => ({
      configuration,
      fold,
      model: training.model,
      validation: summaryToJson(training.validation),
    })),
    test: test.map(({ configuration, folder, summary }) => ({
      configuration,
      folder,
      ...(summary ? { summary: summaryToJson(summary) } : {}),
    })),
  };
}
