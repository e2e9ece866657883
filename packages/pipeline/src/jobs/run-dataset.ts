import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { InvalidArgumentError, type RawDataset, type StageOptions } from "@nnunet/core";
import { convertDataset, findDatasetFolder, openDataset } from "@nnunet/io";
import { type Fold, preprocessedPaths } from "../folders.ts";
import { loadPlans } from "../steps/plan-dataset.ts";
import { hashCases } from "../steps/hash-cases.ts";
import type { TestResult } from "../steps/test-images.ts";
import type { Context } from "../stages.ts";
import { casesOfFold, knownFolds } from "../training/splits.ts";
import type { TrainFoldResult } from "../training/train-fold.ts";
import { executeJobs } from "./execute-jobs.ts";
import type { JobEstimate, JobWork } from "./job.ts";
import { keepEnd, keepJobs } from "./job-file.ts";
import { listJobs } from "./list-jobs.ts";
import { REPORT } from "./later-jobs.ts";
import type { ReportResult } from "../reporting/write-report.ts";
import type { Run } from "./run.ts";
import type { RunOptions } from "./run-options.ts";
import { type Planned, type Survey, surveyJobs } from "./survey-jobs.ts";
import { type Training, trainId, trainingsOf } from "./training.ts";

export interface RunResult {
  readonly dataset: RawDataset;
  readonly plansPath: string;
  readonly folds: readonly {
    readonly configuration: string;
    readonly fold: Fold;
    readonly training: TrainFoldResult;
  }[];
  /** Segmentations of imagesTs by the mean of the folds; empty if the dataset has no test images. */
  readonly test: readonly TestResult[];
  /** The page that says how good it is, where it fails and whether to trust it. */
  readonly report: string;
}

/**
 * Makes the list of jobs of a run and does them, in order: verify, fingerprint, plan, preprocess, train and validate each
 * fold, segment the test images and score them, report. What was made before from the same bytes, plan and options is kept; what
 * changed is redone. A failed job stops only what needs it.
 *
 * @param named - id, name or folder of a raw dataset, or a Decathlon or nnU-Net v1 folder, which is converted first
 */
export async function runDataset(context: Context, named: string, options: RunOptions = {}): Promise<RunResult> {
  checkRunOptions(options);
  const dataset = await openOrConvert(context, named, options);
  const run = await prepareRun(context, dataset, options);
  const survey = surveyJobs(run);
  const planned = await executeSurvey(run, survey);
  const jobs = await laterJobs(run, survey, planned);
  await keepJobs(run, [...surveyed(surveyJobs(run, planned.path)), ...jobs]);
  const done = await executeJobs(jobs, notesOf(run), options);
  const trainings = await trainingsIn(run, planned);
  const folds = trainings.map((one) => ({ ...one, training: done.get(trainId(one)) as TrainFoldResult }));
  const names = [...new Set(trainings.map(({ configuration }) => configuration))];
  const test = names.map((name) => done.get(`test ${name}`) as TestResult | undefined);
  const { path: report } = done.get(REPORT) as ReportResult;
  return { dataset, plansPath: planned.path, folds, test: test.filter((result) => result !== undefined), report };
}

/** The jobs after the survey. */
export async function laterJobs(run: Run, survey: Survey, planned: Planned): Promise<JobWork[]> {
  return listJobs(run, survey, planned, await trainingsIn(run, planned));
}

async function trainingsIn({ context, dataset, options }: Run, { plans }: Planned): Promise<Training[]> {
  return trainingsOf(options, plans, await knownFolds(context.folders, dataset));
}

/** @throws {InvalidArgumentError} if two options exclude each other */
export function checkRunOptions({ folds, planner, plansName }: RunOptions): void {
  if (plansName !== undefined && Object.keys(planner ?? {}).length > 0) {
    throw new InvalidArgumentError("plansName", "a plan that is there, or options of a planner, not both", plansName);
  }
  if (folds && new Set(folds).size < folds.length) throw new InvalidArgumentError("fold", "every fold once", folds);
}

/** Reads every file once: what a job is made from is known by content. */
export async function prepareRun(context: Context, dataset: RawDataset, options: RunOptions): Promise<Run> {
  return { context, dataset, options, inputHashes: await hashCases("verify", dataset.trainingCases, options) };
}

export const surveyed = ({ verify, fingerprint, plan }: Survey): JobWork[] => [
  verify,
  fingerprint,
  ...(plan ? [plan] : []),
];

/** @throws {FileError} if one of the folds cannot be trained */
export async function checkFolds(
  { folders }: Context,
  dataset: RawDataset,
  options: RunOptions,
  { write = true }: { readonly write?: boolean } = {},
): Promise<void> {
  const known = await knownFolds(folders, dataset);
  // where there is no fold at all, fold 0 says why
  for (const fold of options.folds ?? (known.length > 0 ? known : [0])) {
    await casesOfFold(folders, dataset, fold, { ...options, write });
  }
}

/** Checks and measures the dataset and plans for it; a plan that is there is read. */
async function executeSurvey(run: Run, survey: Survey): Promise<Planned> {
  const { context, dataset, options } = run;
  const notes = notesOf(run);
  await keepJobs(run, surveyed(survey));
  await executeJobs([survey.verify], notes, options);
  // A fold that cannot be trained is refused before hours of other work.
  await checkFolds(context, dataset, options);
  const { fingerprint, plan } = survey;
  await executeJobs([fingerprint], notes, options);
  if (plan) return (await executeJobs([plan], notes, options)).get(plan.id) as Planned;
  const plans = await loadPlans(context.folders, dataset, options.plansName);
  return { plans, path: preprocessedPaths(context.folders, dataset.name).plans(plans.plansName) };
}

const notesOf = (run: Run) => ({
  ended: ({ id }: JobWork, why: string | undefined, took?: JobEstimate) => keepEnd(run, id, why, took),
});

/** Opens a dataset; a Decathlon or v1 folder is converted, once. */
async function openOrConvert(
  { folders }: Context,
  named: string,
  { signal, onEvent }: StageOptions,
): Promise<RawDataset> {
  if (existsSync(join(named, "dataset.json")) && !/^Dataset\d{3,}_/.test(basename(resolve(named)))) {
    const id = /^Task(\d+)_/.exec(basename(resolve(named)))?.[1];
    const converted =
      id === undefined ? undefined : await findDatasetFolder(folders.raw, String(Number(id))).catch(() => undefined);
    if (converted === undefined) return convertDataset(named, folders.raw, { signal, onEvent });
    onEvent?.({ type: "message", stage: "convert", level: "info", text: `${converted} is there already` });
    return openDataset(converted);
  }
  return openDataset(await findDatasetFolder(folders.raw, named));
}
