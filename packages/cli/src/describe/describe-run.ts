import { counted, listed, type ModelDataset } from "@nnunet/core";
import { summaryToJson } from "@nnunet/evaluate";
import type { RunResult, TestResult } from "@nnunet/pipeline";
import { describeBest } from "./describe-best.ts";
import { describeSeeds } from "./describe-seeds.ts";
import { diceTable } from "./dice-table.ts";
import { textTable } from "./text-table.ts";

/** Scores and files, as a person wants to see them at the end. */
export function describeRun(result: RunResult): string[] {
  const { dataset, best, test, report, effort } = result;
  const lines = result.folds.length > 2 ? ["", ...foldTable(result)] : describeFolds(result);
  if (best) lines.push("", ...describeBest(best, dataset.json));
  else lines.push("", ...noPredictor(result));
  lines.push(...describeSeeds(result.seeds));
  for (const tested of test) lines.push("", ...describeTest(tested, dataset.json));
  if (effort && effort.givenUp.length > 0) {
    lines.push("", "Given up for the budget:", ...effort.givenUp.map(({ sentence }) => `  ${sentence}`));
  }
  lines.push("", `Report: ${report}`);
  // last, where it is read
  return effort?.warning === undefined ? lines : [...lines, "", `WARNING: only ${effort.warning}.`];
}

/** Why there is no final predictor, and how to get one. */
function noPredictor({ dataset, folds }: RunResult): string[] {
  const names = [...new Set(folds.map(({ configuration }) => configuration))];
  if (names.length === 0) return [];
  const [first, ...others] = names;
  if (others.length === 0) {
    return [
      `No final predictor: what was trained of ${first} is no fold of the cross-validation.`,
      `Segment with it all the same: nnunet predict -i IMAGES -o SEGMENTATIONS -d ${dataset.id} -c ${first}`,
    ];
  }
  return [
    `No final predictor: ${listed(names)} have no fold of a cross-validation in common, so nothing says which of them is best.`,
    `Train the same folds of each, which are compared then, or choose by yourself: nnunet find-best ${dataset.id} -c ${first}`,
  ];
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

export function runToJson({ dataset, folds, best, test, seeds, report, effort }: RunResult): unknown {
  return {
    dataset: dataset.folder,
    folds: folds.map(({ configuration, fold, training }) => ({
      configuration,
      fold,
      model: training.model,
      validation: summaryToJson(training.validation),
    })),
    ...(best && {
      best: {
        folder: best.folder,
        configurations: best.configurations,
        chosen: best.chosen,
        ...(best.crossval !== undefined && { crossval: best.crossval }),
        warnings: best.warnings,
      },
    }),
    test: test.map(testToJson),
    ...(seeds.length > 0 && { seeds }),
    report,
    ...(effort && { effort: { ...effort, givenUp: effort.givenUp.map(({ sentence }) => sentence) } }),
  };
}

export function testToJson({ configuration, folder, summary }: TestResult): unknown {
  return { configuration, folder, ...(summary ? { summary: summaryToJson(summary) } : {}) };
}
