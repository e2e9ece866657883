import { rm } from "node:fs/promises";
import { InvalidArgumentError, type RawDataset, type StageOptions } from "@nnunet/core";
import { convertDataset, findDatasetFolder, openDataset } from "@nnunet/io";
import { startBudget } from "../budget/budget-clock.ts";
import { type Fold, preprocessedPaths } from "../folders.ts";
import { loadPlans } from "../steps/plan-dataset.ts";
import { hashCases } from "../steps/hash-cases.ts";
import { convertedFolder, isUnconverted } from "../steps/unconverted.ts";
import type { BestPredictor } from "../selection/find-best.ts";
import type { TestResult } from "../steps/test-images.ts";
import type { Context } from "../stages.ts";
import { casesOfFold, knownFolds } from "../training/splits.ts";
import { refusePretrainedMisfit } from "../training/pretrained/fits-everywhere.ts";
import type { TrainFoldResult } from "../training/train-fold.ts";
import { kindOf } from "./estimate-jobs.ts";
import { type ExecuteOptions, executeJobs, type JobNotes } from "./execute-jobs.ts";
import { type JobWork, REPORT } from "./job.ts";
import { type SeedSpread, seedSpreads } from "../reporting/seed-spread.ts";
import type { ReportResult } from "../reporting/write-report.ts";
import { decideOnce, isAnyBegun, sayChange, sayDecision } from "./decide-once.ts";
import { keepEnd, keepJobs, keptEffort } from "./job-file.ts";
import { hearWarnings } from "./job-warnings.ts";
import { jobsAsDecided, jobsWithinBudget } from "./jobs-within-budget.ts";
import { listJobs } from "./list-jobs.ts";
import type { Run } from "./run.ts";
import type { RunOptions } from "./run-options.ts";
import { type Planned, type Survey, surveyJobs } from "./survey-jobs.ts";
import { comparedFolds, foldsOnAllCases, trainId, trainingsOf } from "./training.ts";
import type { RunEffort, RunWork } from "./run-work.ts";
import { optionsOfVariant } from "../variants/run-of-variant.ts";

export interface RunResult {
  readonly dataset: RawDataset;
  readonly plansPath: string;
  readonly folds: readonly {
    readonly configuration: string;
    readonly fold: Fold;
    readonly training: TrainFoldResult;
  }[];
  /** Chosen by the folds of the cross-validation; absent where none was trained. */
  readonly best?: BestPredictor;
  /** Segmentations of imagesTs by the final predictor, or without one by each configuration; empty without test images. */
  readonly test: readonly TestResult[];
  /** Where several seeds were trained on the same cases: how far they lie apart. */
  readonly seeds: readonly SeedSpread[];
  /** The page about all of it. */
  readonly report: string;
  /** What was done within a budget, and what was given up for it. */
  readonly effort?: RunEffort;
}

/**
 * Makes the list of jobs of a run and does them, in order: verify, split, fingerprint, plan, preprocess, train and validate
 * each fold, choose the final predictor, segment the test images with it and score them, and report. What was made before
 * from the same bytes, plan and options is kept; what changed is redone. A failed job stops only what needs it.
 *
 * @param named - id, name or folder of a raw dataset, or a Decathlon or nnU-Net v1 folder, which is converted first
 */
export async function runDataset(context: Context, named: string, asked: RunOptions = {}): Promise<RunResult> {
  checkRunOptions(asked);
  const budget = asked.budgetSeconds === undefined ? undefined : startBudget(asked.budgetSeconds);
  const heard = hearWarnings(asked.onEvent);
  const dataset = await openOrConvert(context, named, { ...asked, onEvent: heard.onEvent });
  const options = await optionsOfVariant(context, dataset, { ...asked, onEvent: heard.onEvent });
  const run = await prepareRun(context, dataset, options);
  const survey = surveyJobs(run);
  const took = new Map<string, number>();
  const notes: JobNotes = {
    async ended(job, why, measure) {
      if (measure) took.set(job.id, measure.seconds);
      await keepEnd(run, { id: job.id, of: kindOf(job), why, took: measure, warnings: heard.take() });
    },
  };
  const planned = await executeSurvey(run, survey, notes);
  const whole = await workOf(run, planned);
  const trained = [...new Set(whole.trainings.map(({ configuration }) => configuration))];
  try {
    await refusePretrainedMisfit(context, dataset, planned.plans, trained, options);
  } catch (error) {
    // a variant that keeps what was refused would refuse what is right
    if (options.variant !== undefined && planned.made) await rm(planned.path, { force: true });
    throw error;
  }
  const list = (some: RunWork) => listJobs(run, survey, planned, some);
  const keep = (some: RunWork, effort?: RunEffort) =>
    keepJobs(run, [...surveyed(surveyJobs(run, planned.path)), ...list(some)], effort);
  await keep(whole);
  let work: RunWork = whole;
  let jobs: Iterable<JobWork> | AsyncIterable<JobWork> = list(whole);
  let latest: ExecuteOptions["latest"];
  const decision = budget && (await decideOnce(run, planned, whole, budget, keep));
  if (decision) {
    work = decision.effort;
    await keep(work);
    sayDecision(options, decision);
    const keepChanged = async (changed: RunEffort) => {
      work = changed;
      sayChange(options, changed);
      await keep(changed, changed);
    };
    const asKept = async () => (work = (await keptEffort(run, decision.effort.of)) ?? work) as RunEffort;
    const progress = { list, took, keep: keepChanged, isBegun: isAnyBegun };
    jobs = decision.made ? jobsWithinBudget(decision.made, budget, progress) : jobsAsDecided(asKept, list);
    latest = async (job) => list(await asKept()).find(({ id }) => id === job.id) ?? job;
  }
  const done = await executeJobs(jobs, notes, { ...options, ...(latest && { latest }) });
  const effort = decision && (work as RunEffort);
  const folds = work.trainings.map((one) => ({ ...one, training: done.get(trainId(one)) as TrainFoldResult }));
  const test = [...done].filter(([id]) => id.split(" ")[0] === "test").map(([, result]) => result as TestResult);
  const best = done.get("find-best") as BestPredictor | undefined;
  const { path: report } = done.get(REPORT) as ReportResult;
  const seeds = await seedSpreads(context, dataset, planned.plans);
  const made = { ...(best && { best }), test, seeds, report, ...(effort && { effort }) };
  return { dataset, plansPath: planned.path, folds, ...made };
}

/** What a run trains, and what of it can be compared. */
export async function workOf({ context, dataset, options }: Run, { plans }: Planned): Promise<RunWork> {
  const known = await knownFolds(context.folders, dataset, options);
  const trainings = trainingsOf(options, plans, known.all);
  const compared = comparedFolds(trainings, known.heldOut);
  return { trainings, compared, onAllCases: foldsOnAllCases(trainings, known) };
}

/** @throws {InvalidArgumentError} if two options exclude each other */
export function checkRunOptions({ folds, planner, variant, plansName, budgetSeconds }: RunOptions): void {
  if (budgetSeconds !== undefined && !(budgetSeconds > 0 && Number.isFinite(budgetSeconds))) {
    throw new InvalidArgumentError("budgetSeconds", "a positive number", budgetSeconds);
  }
  if (plansName !== undefined && Object.keys(planner ?? {}).length > 0) {
    throw new InvalidArgumentError("plansName", "a plan that is there, or options of a planner, not both", plansName);
  }
  if (plansName !== undefined && variant !== undefined) {
    throw new InvalidArgumentError("plansName", "a plan that is there, or a variant, not both", plansName);
  }
  if (folds && new Set(folds).size < folds.length) throw new InvalidArgumentError("fold", "every fold once", folds);
}

/** Reads every file once: what a job is made from is known by content. */
export async function prepareRun(context: Context, dataset: RawDataset, options: RunOptions): Promise<Run> {
  return { context, dataset, options, inputHashes: await hashCases("verify", dataset.trainingCases, options) };
}

export const surveyed = ({ verify, split, fingerprint, plan }: Survey): JobWork[] => [
  verify,
  ...(split ? [split] : []),
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
  const { all: known } = await knownFolds(folders, dataset, options);
  // where there is no fold at all, fold 0 says why
  for (const fold of options.folds ?? (known.length > 0 ? known : [0])) {
    await casesOfFold(folders, dataset, fold, { ...options, write });
  }
}

/** Checks and measures the dataset and plans for it; a plan that is there is read. */
async function executeSurvey(run: Run, survey: Survey, notes: JobNotes): Promise<Planned> {
  const { context, dataset, options } = run;
  await keepJobs(run, surveyed(survey));
  await executeJobs([survey.verify], notes, options);
  // A fold that cannot be trained is refused before hours of other work.
  const { fingerprint, plan, split } = survey;
  if (split) await executeJobs([split], notes, options);
  await checkFolds(context, dataset, options);
  await executeJobs([fingerprint], notes, options);
  if (plan) return (await executeJobs([plan], notes, options)).get(plan.id) as Planned;
  const plans = await loadPlans(context.folders, dataset, options.plansName);
  return { plans, path: preprocessedPaths(context.folders, dataset.name).plans(plans.plansName) };
}

/** Opens a dataset; a Decathlon or v1 folder is converted, once. */
export async function openOrConvert(
  { folders }: Context,
  named: string,
  { signal, onEvent }: StageOptions = {},
): Promise<RawDataset> {
  if (!isUnconverted(named)) return openDataset(await findDatasetFolder(folders.raw, named));
  const converted = await convertedFolder(folders, named);
  if (converted === undefined) return convertDataset(named, folders.raw, { signal, onEvent });
  onEvent?.({ type: "message", stage: "convert", level: "info", text: `${converted} is there already` });
  return openDataset(converted);
}
