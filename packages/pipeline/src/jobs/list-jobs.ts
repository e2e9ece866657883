import { findConfiguration, type Plans } from "@nnunet/core";
import type { JobWork } from "./job.ts";
import { preprocessJob, testJob, trainJob } from "./later-jobs.ts";
import type { Run } from "./run.ts";
import type { RunOptions } from "./run-options.ts";
import type { Planned, Survey } from "./survey-jobs.ts";

export const defaultFolds = [0, 1, 2, 3, 4] as const;

/** The configurations that a run trains, in the order of the plan. */
export function configurationsOf({ configurations }: RunOptions, plans: Plans): string[] {
  if (configurations) {
    for (const name of configurations) findConfiguration(plans, name);
    return [...new Set(configurations)];
  }
  return Object.keys(plans.configurations).filter(
    (name) => plans.configurations[name]!.previousConfiguration === undefined,
  );
}

/**
 * Every job of a run after its survey, each behind those that it needs.
 *
 * @throws {UnknownStageError} if the plan has no such configuration
 */
export function listJobs(run: Run, survey: Survey, planned: Planned): JobWork[] {
  const { options, dataset } = run;
  const folds = options.folds ?? defaultFolds;
  const names = configurationsOf(options, planned.plans);
  const needed = (survey.plan ?? survey.fingerprint).id;
  /** By the data that configurations share. */
  const preprocessed = new Map<string, JobWork>();
  const dataOf = (name: string) => findConfiguration(planned.plans, name).dataIdentifier;
  for (const name of names) {
    if (!preprocessed.has(dataOf(name))) preprocessed.set(dataOf(name), preprocessJob(run, planned, name, needed));
  }
  const jobs: JobWork[] = [...preprocessed.values()];
  for (const name of names) {
    const data = preprocessed.get(dataOf(name))!.id;
    const trained = folds.map((fold) => trainJob(run, planned, name, fold, folds, data));
    jobs.push(...trained);
    if (dataset.testCases.length > 0) {
      const needs = trained.map(({ id }) => id);
      jobs.push(testJob(run, planned, name, folds, needs));
    }
  }
  return jobs;
}
