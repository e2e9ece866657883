import { findConfiguration } from "@nnunet/core";
import { keepGivenUp } from "../records/given-up-record.ts";
import type { JobWork } from "./job.ts";
import { findBestJob, preprocessJob, reportJob, testJob, trainJob } from "./later-jobs.ts";
import type { Run } from "./run.ts";
import type { Planned, Survey } from "./survey-jobs.ts";
import { trainId } from "./training.ts";
import type { RunWork } from "./run-work.ts";

/** Every job of a run after its survey, each behind those that it needs. */
export function listJobs(run: Run, survey: Survey, planned: Planned, work: RunWork): JobWork[] {
  const { plans } = planned;
  const { plansName } = plans;
  const needed = (survey.plan ?? survey.fingerprint).id;
  const names = [...new Set(work.trainings.map(({ configuration }) => configuration))];
  /** By the data that configurations share. */
  const preprocessed = new Map<string, JobWork>();
  const dataOf = (name: string) => findConfiguration(plans, name).dataIdentifier;
  for (const name of names) {
    if (!preprocessed.has(dataOf(name))) preprocessed.set(dataOf(name), preprocessJob(run, planned, name, needed));
  }
  const jobs: JobWork[] = [...preprocessed.values()];
  const trainedOf = (name: string) => work.trainings.filter(({ configuration }) => configuration === name);
  for (const name of names) {
    const own = trainedOf(name);
    const folds = own.map(({ fold }) => fold);
    const first = findConfiguration(plans, name).previousConfiguration;
    const divided = survey.split ? [survey.split.id] : [];
    const needs = [
      preprocessed.get(dataOf(name))!.id,
      ...divided,
      ...(first === undefined ? [] : trainedOf(first).map(trainId)),
    ];
    const { options } = run;
    const settings = { ...options.settings, ...work.lengths?.[name] };
    // Ensembles are scored by the probabilities.
    const probabilities = options.probabilities ?? names.length > 1;
    const lengthened = { ...run, options: { ...options, settings, probabilities } };
    jobs.push(...own.map((training) => trainJob(lengthened, planned, training, folds, needs)));
  }
  const trained = work.trainings.map(trainId);
  // Whoever judges the trainings, now or later, is to know what a budget gave up.
  const told = <T>(job: JobWork<T>): JobWork<T> => ({
    ...job,
    perform: async () => {
      await tellGivenUp(run, planned, work);
      return job.perform();
    },
  });
  const hasTests = run.dataset.testCases.length > 0;
  // Of one configuration that nothing can be compared with, a predictor that says it is not validated.
  const untested = names.length === 1 ? (work.onAllCases ?? []) : [];
  const folds = work.compared.length > 0 ? work.compared : untested;
  const isDecided = folds.length > 0;
  if (isDecided) {
    const best = told(findBestJob(run, planned, names, folds, trained));
    jobs.push(best);
    if (hasTests) jobs.push(testJob(run, { plansName }, [best.id]));
  }
  // Nothing says which is the best: each segments the test images by itself.
  for (const configuration of hasTests && !isDecided ? names : []) {
    const own = trainedOf(configuration);
    jobs.push(testJob(run, { plansName, configuration, folds: own.map(({ fold }) => fold) }, own.map(trainId)));
  }
  const all = jobs.map(({ id }) => id);
  return [...jobs, told(reportJob(run, planned, all))];
}

async function tellGivenUp(
  { context, dataset, options }: Run,
  { plans }: Planned,
  { trainings, givenUp, warning }: RunWork,
): Promise<void> {
  if (options.budgetSeconds === undefined || !givenUp) return;
  const place = { folders: context.folders, dataset: dataset.name, plansName: plans.plansName };
  const loud = warning === undefined ? [] : [{ sentence: `only ${warning}`, missing: [] }];
  await keepGivenUp(place, options.budgetSeconds, [...loud, ...givenUp], trainings);
}
