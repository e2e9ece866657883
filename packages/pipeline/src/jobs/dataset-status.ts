import { isNnunetError, type RawDataset } from "@nnunet/core";
import { writerOf } from "@nnunet/core/node";
import { preprocessedPaths } from "../folders.ts";
import { loadPlans } from "../steps/plan-dataset.ts";
import { isMeasured } from "../steps/fingerprint-dataset.ts";
import type { Context } from "../stages.ts";
import { splitDataset } from "../training/splits.ts";
import { type JobState, type JobStatus, type JobWork, plainJob } from "./job.ts";
import { effortHash } from "./effort-of-run.ts";
import { estimateJobs } from "./estimate-jobs.ts";
import { keptEffort, keptFailures, keptRequest } from "./job-file.ts";
import { measuringNow } from "./measured-costs.ts";
import { rehearsePlan } from "./rehearse-plan.ts";
import type { Run } from "./run.ts";
import { listJobs } from "./list-jobs.ts";
import { checkFolds, checkRunOptions, prepareRun, surveyed, workOf } from "./run-dataset.ts";
import type { RunOptions } from "./run-options.ts";
import { type Planned, surveyJobs } from "./survey-jobs.ts";
import type { RunWork } from "./run-work.ts";
import { optionsOfVariant } from "../variants/run-of-variant.ts";

export interface DatasetStatus {
  readonly dataset: string;
  readonly jobs: readonly JobStatus[];
  /** False as long as there is no plan, which says what follows. */
  readonly complete: boolean;
  /** Who is measuring at the moment what the jobs cost, so that a budget can be kept; absent if nobody is. */
  readonly measuring?: string;
}

/**
 * What a run with these options would do, and how far each job is, by content. Writes nothing; a dataset that has not
 * been measured is measured for it, in memory.
 *
 * @param options.probe - measure what jobs cost of which none has been done here, by a few steps in a scratch folder
 */
export async function rehearseRun(
  context: Context,
  dataset: RawDataset,
  { probe = false, ...asked }: RunOptions & { readonly probe?: boolean } = {},
): Promise<DatasetStatus> {
  checkRunOptions(asked);
  const options = await optionsOfVariant(context, dataset, asked);
  const { groups, seeds, onEvent, folds } = options;
  if (folds === undefined || folds.some((fold) => fold !== "all")) {
    await splitDataset(context.folders, dataset, { groups, seeds, write: false, ...(onEvent && { onEvent }) });
  }
  await checkFolds(context, dataset, options, { write: false });
  const run = await prepareRun(context, dataset, options);
  return statusOf(run, await planOf(run), probe);
}

/**
 * How far the latest run of a dataset is, or where there was none, what a run would do. Looks only, so that it may be
 * asked while others work; of a dataset that has not been measured only the first jobs are known.
 */
export async function datasetStatus(
  context: Context,
  dataset: RawDataset,
  options: Pick<RunOptions, "workers" | "signal" | "onEvent"> = {},
): Promise<DatasetStatus> {
  const request = await keptRequest({ context, dataset });
  const run = await prepareRun(context, dataset, { ...request, ...options });
  const isKnown = request?.plansName !== undefined || (await isMeasured(context, dataset, run.inputHashes));
  return statusOf(run, isKnown ? await planOf(run) : undefined);
}

async function planOf(run: Run): Promise<Planned> {
  const { context, dataset, options } = run;
  if (options.plansName === undefined) return rehearsePlan(run);
  const plans = await loadPlans(context.folders, dataset, options.plansName);
  return { plans, path: preprocessedPaths(context.folders, dataset.name).plans(plans.plansName) };
}

async function statusOf(run: Run, planned: Planned | undefined, probe = false): Promise<DatasetStatus> {
  const survey = surveyJobs(run, planned?.path);
  const work = planned && (await workWithin(run, planned));
  const later = planned && work ? listJobs(run, survey, planned, work) : [];
  const jobs = [...surveyed(survey), ...later];
  const failures = await keptFailures(run);
  const states = new Map<string, JobState>();
  for (const job of jobs) {
    // What is made from something that is yet to be made cannot be told from what it will be made from.
    const isReady = job.needs.every((id) => states.get(id)?.is === "done");
    states.set(job.id, await stateOf(job, isReady, failures[job.id]));
  }
  const estimates = await estimateJobs(run, planned, work, jobs, { probe });
  const statuses = jobs.map((job) => {
    const estimate = estimates.get(job.id);
    return { ...plainJob({ ...job, ...(estimate && { estimate }) }), state: states.get(job.id)! };
  });
  const measuring = await measuringNow(run);
  const complete = planned !== undefined;
  return { dataset: run.dataset.name, jobs: statuses, complete, ...(measuring !== undefined && { measuring }) };
}

/** With a budget what was decided, or without a decision all that there could be. */
async function workWithin(run: Run, planned: Planned): Promise<RunWork> {
  const isBounded = run.options.budgetSeconds !== undefined;
  const decided = isBounded ? await keptEffort(run, effortHash(run, planned)) : undefined;
  return decided ?? (await workOf(run, planned));
}

async function stateOf(job: JobWork, isReady: boolean, failure: string | undefined): Promise<JobState> {
  for (const path of job.writes) {
    const by = await writerOf(path);
    if (by !== undefined) return { is: "running", by };
  }
  try {
    if (isReady && (await job.isDone())) return { is: "done" };
  } catch (error) {
    if (!isNnunetError(error) || isNnunetError(error, "CANCELLED")) throw error;
    return { is: "failed", why: error.message }; // what is there is damaged, or cannot be read
  }
  return failure === undefined ? { is: "to do" } : { is: "failed", why: failure };
}
