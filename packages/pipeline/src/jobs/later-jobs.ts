import { findConfiguration } from "@nnunet/core";
import { pathBelow } from "@nnunet/core/node";
import { finalPredictorFolder, type Fold, resultsPaths } from "../folders.ts";
import { isReportUpToDate, reportPath, type ReportResult, writeReport } from "../reporting/write-report.ts";
import { type BestPredictor, findBest, isBestFound } from "../selection/find-best.ts";
import { casesFolder } from "../stages.ts";
import { isDatasetPreprocessed, preprocessDataset, type PreprocessResult } from "../steps/preprocess-dataset.ts";
import { areImagesTested, type Tested, testFolder, testImages, type TestResult } from "../steps/test-images.ts";
import { isFoldTrained, type TrainFoldResult, trainFold } from "../training/train-fold.ts";
import { flagWords, trainingWords } from "./command-words.ts";
import { type JobWork, REPORT } from "./job.ts";
import { type Training, trainId } from "./training.ts";
import { commandOf, placeIn, type Run } from "./run.ts";
import type { Planned } from "./survey-jobs.ts";

/** Raw cases → preprocessed cases of one configuration, and of those that share its data. */
export function preprocessJob(run: Run, { plans }: Planned, name: string, needs: string): JobWork<PreprocessResult[]> {
  const { context, dataset, options, inputHashes } = run;
  const { dataIdentifier } = findConfiguration(plans, name);
  const folder = casesFolder(context, dataset.name, dataIdentifier);
  const words = ["preprocess", dataset.name, "--configurations", name, "--plans", plans.plansName];
  return {
    id: `preprocess ${name}`,
    command: commandOf(run, words),
    needs: [needs],
    makes: [placeIn(context.folders, folder)],
    writes: dataset.trainingCases.map(({ id }) => pathBelow(folder, id)),
    isDone: () => isDatasetPreprocessed(context, dataset, plans, name, inputHashes),
    perform: () => preprocessDataset(context, dataset, plans, [name], { ...options, inputHashes, verified: true }),
  };
}

/** One fold of one configuration: training, model, validation. */
export function trainJob(
  run: Run,
  { plans }: Planned,
  training: Training,
  folds: readonly Fold[],
  needs: readonly string[],
): JobWork<TrainFoldResult> {
  const { configuration: name, fold } = training;
  const { context, dataset, options } = run;
  const { folder } = resultsPaths(context.folders, dataset.name, plans.plansName, name).fold(fold);
  const own = flagWords({ plans: plans.plansName, update: true, together: folds })!;
  const words = trainingWords(options);
  return {
    id: trainId(training),
    command: commandOf(run, words && ["train", dataset.name, name, String(fold), ...words, ...own]),
    needs,
    makes: [placeIn(context.folders, folder)],
    writes: [folder],
    alone: true,
    isDone: () => isFoldTrained(context, dataset, plans, name, fold, options),
    perform: () => trainFold(context, dataset, plans, name, fold, { ...options, existing: "update", together: folds }),
  };
}

/** The trained configurations and every pair of them → the final predictor. */
export function findBestJob(
  run: Run,
  { plans }: Planned,
  configurations: readonly string[],
  folds: readonly Fold[],
  needs: readonly string[],
): JobWork<BestPredictor> {
  const { context, dataset, options } = run;
  const { device, maxMemoryGb, signal, onEvent } = options;
  const folder = finalPredictorFolder(context.folders, dataset.name, plans.plansName);
  const compared = { configurations, folds };
  const words = flagWords({ configurations, folds, plans: plans.plansName })!;
  return {
    id: "find-best",
    command: commandOf(run, ["find-best", dataset.name, ...words]),
    needs,
    makes: [placeIn(context.folders, folder)],
    writes: [folder],
    alone: true,
    isDone: () => isBestFound(context, dataset, plans, compared),
    perform: () => findBest(context, dataset, plans, { ...compared, device, maxMemoryGb, signal, onEvent }),
  };
}

/** The images of imagesTs by the final predictor, or by the mean of a configuration's folds. */
export function testJob(run: Run, tested: Tested, needs: readonly string[]): JobWork<TestResult> {
  const { context, dataset, options } = run;
  const folder = testFolder(context, dataset, tested);
  const { plansName: plans } = tested;
  const members = "configuration" in tested ? { configurations: tested.configuration, folds: tested.folds } : {};
  return {
    id: ["test", ...("configuration" in tested ? [tested.configuration] : [])].join(" "),
    command: commandOf(run, ["test", dataset.name, ...flagWords({ ...members, plans })!]),
    needs,
    makes: [placeIn(context.folders, folder)],
    writes: [folder],
    alone: true,
    isDone: () => areImagesTested(context, dataset, tested),
    perform: () => testImages(context, dataset, tested, options),
  };
}

/** The page about all of it; also of a run in which something failed. */
export function reportJob(run: Run, { plans }: Planned, needs: readonly string[]): JobWork<ReportResult> {
  const { context, dataset, options } = run;
  const { signal, onEvent } = options;
  const path = reportPath(context, dataset, plans);
  return {
    id: REPORT,
    command: commandOf(run, ["report", dataset.name, "--plans", plans.plansName]),
    needs,
    afterFailures: true,
    makes: [placeIn(context.folders, path)],
    writes: [path],
    alone: true,
    isDone: () => isReportUpToDate(context, dataset, plans),
    perform: () => writeReport(context, dataset, plans, { signal, onEvent }),
  };
}
