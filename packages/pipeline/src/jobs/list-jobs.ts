import { findConfiguration } from "@nnunet/core";
import type { JobWork } from "./job.ts";
import { preprocessJob, reportJob, testJob, trainJob } from "./later-jobs.ts";
import type { Run } from "./run.ts";
import type { Planned, Survey } from "./survey-jobs.ts";
import { type Training, trainId } from "./training.ts";

/** Every job of a run after its survey, each behind those that it needs. */
export function listJobs(run: Run, survey: Survey, planned: Planned, trainings: readonly Training[]): JobWork[] {
  const { plans } = planned;
  const needed = (survey.plan ?? survey.fingerprint).id;
  const names = [...new Set(trainings.map(({ configuration }) => configuration))];
  /** By the data that configurations share. */
  const preprocessed = new Map<string, JobWork>();
  const dataOf = (name: string) => findConfiguration(plans, name).dataIdentifier;
  for (const name of names) {
    if (!preprocessed.has(dataOf(name))) preprocessed.set(dataOf(name), preprocessJob(run, planned, name, needed));
  }
  const jobs: JobWork[] = [...preprocessed.values()];
  const trainedOf = (name: string) => trainings.filter(({ configuration }) => configuration === name);
  for (const name of names) {
    const own = trainedOf(name);
    const folds = own.map(({ fold }) => fold);
    const first = findConfiguration(plans, name).previousConfiguration;
    const needs = [preprocessed.get(dataOf(name))!.id, ...(first === undefined ? [] : trainedOf(first).map(trainId))];
    jobs.push(...own.map((training) => trainJob(run, planned, training, folds, needs)));
    if (run.dataset.testCases.length > 0) jobs.push(testJob(run, planned, name, folds, own.map(trainId)));
  }
  return [
    ...jobs,
    reportJob(
      run,
      planned,
      jobs.map(({ id }) => id),
    ),
  ];
}
