import { counted, type ModelDataset } from "@nnunet/core";
import { summaryToJson } from "@nnunet/evaluate";
import type { RunResult, TestResult } from "@nnunet/pipeline";
import { useIt } from "../next-hint.ts";
import { diceTable } from "./dice-table.ts";
import { rankingTable } from "./ranking-table.ts";
import { textTable } from "./text-table.ts";

/** Scores and files, as a person wants to see them at the end. */
export function describeRun(result: RunResult): string[] {
  const { dataset, best, test, report, effort } = result;
  const lines = result.folds.length > 2 ? ["", ...foldTable(result)] : describeFolds(result);
  if (best) {
    lines.push("", ...rankingTable(best), "", best.chosen, "", ...diceTable(best.validation, dataset.json));
    lines.push("", `Final predictor: ${best.folder}`, useIt(best.folder));
  }
  for (const tested of test) lines.push("", ...describeTest(tested, dataset.json));
  if (effort && effort.givenUp.length > 0) {
    lines.push("", "Given up for the budget:", ...effort.givenUp.map((sentence) => `  ${sentence}`));
  }
  return [...lines, "", `Report: ${report}`];
}

/** Few trainings, each in full. */
function describeFolds({ dataset, folds }: RunResult): string[] {
  return folds.flatMap(({ configuration, fold, training }) => {
    const cases = counted(
      training.validation.cases.length,
      `${training.validation.remark === undefined ? "validation" : "scored"} case`,
    );
    const head = `${configuration}, fold ${fold}: ${cases}`;
    return ["", head, ...diceTable(training.validation, dataset.json), `Model: ${training.model}`];
  });
}

/** Many trainings, a line each. */
function foldTable({ folds }: RunResult): string[] {
  const rows = folds.map(({ configuration, fold, training: { validation } }) => {
    const { dice } = validation.foregroundMean;
    return [configuration, String(fold), String(validation.cases.length), Number.isNaN(dice) ? "–" : dice.toFixed(4)];
  });
  return textTable(["trained", "fold", "validation cases", "mean Dice"], rows);
}

export function describeTest({ configuration, folder, summary }: TestResult, dataset: ModelDataset): string[] {
  const segmented = `${configuration}: images of imagesTs segmented into ${folder}`;
  if (!summary) return [segmented];
  return [segmented, `Against labelsTs, ${counted(summary.cases.length, "case")}:`, ...diceTable(summary, dataset)];
}

export function runToJson({ dataset, folds, best, test, report, effort }: RunResult): unknown {
  return {
    dataset: dataset.folder,
    folds: folds.map(({ configuration, fold, training }) => ({
      configuration,
      fold,
      model: training.model,
      validation: summaryToJson(training.validation),
    })),
    ...(best && { best: { folder: best.folder, configurations: best.configurations, chosen: best.chosen } }),
    test: test.map(testToJson),
    report,
    ...(effort && { effort }),
  };
}

export function testToJson({ configuration, folder, summary }: TestResult): unknown {
  return { configuration, folder, ...(summary ? { summary: summaryToJson(summary) } : {}) };
}
