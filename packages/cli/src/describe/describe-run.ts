import { counted, type ModelDataset } from "@nnunet/core";
import { summaryToJson } from "@nnunet/evaluate";
import type { RunResult, TestResult } from "@nnunet/pipeline";
import { diceTable } from "./dice-table.ts";

/** Scores and files, as a person wants to see them at the end. */
export function describeRun({ dataset, folds, test, report }: RunResult): string[] {
  const lines: string[] = [];
  for (const { configuration, fold, training } of folds) {
    const cases = counted(training.validation.cases.length, `${fold === "all" ? "training" : "validation"} case`);
    lines.push("", `${configuration}, fold ${fold}: ${cases}`);
    lines.push(...diceTable(training.validation, dataset.json), `Model: ${training.model}`);
  }
  for (const result of test) lines.push("", ...describeTest(result, dataset.json));
  lines.push("", `Report: ${report}`);
  return lines;
}

export function describeTest({ configuration, folder, summary }: TestResult, dataset: ModelDataset): string[] {
  const segmented = `${configuration}: images of imagesTs segmented into ${folder}`;
  if (!summary) return [segmented];
  return [segmented, `Against labelsTs, ${counted(summary.cases.length, "case")}:`, ...diceTable(summary, dataset)];
}

export function runToJson({ dataset, folds, test, report }: RunResult): unknown {
  return {
    dataset: dataset.folder,
    folds: folds.map(({ configuration, fold, training }) => ({
      configuration,
      fold,
      model: training.model,
      validation: summaryToJson(training.validation),
    })),
    test: test.map(testToJson),
    report,
  };
}

export function testToJson({ configuration, folder, summary }: TestResult): unknown {
  return { configuration, folder, ...(summary ? { summary: summaryToJson(summary) } : {}) };
}
