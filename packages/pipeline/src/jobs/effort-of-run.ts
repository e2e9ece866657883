import { findConfiguration, plansToJson } from "@nnunet/core";
import { chooseEffort, longestEffort, type Wish } from "../budget/choose-effort.ts";
import { type Costs, selectionSeconds, testSeconds, trainingSeconds, type Workload } from "../budget/costs.ts";
import { probeCosts } from "../budget/probe-costs.ts";
import type { Fold } from "../folders.ts";
import { contentHash } from "../records/made-from.ts";
import { casesOfFold, knownFolds } from "../training/splits.ts";

import type { Run } from "./run.ts";
import { requestOf } from "./run-options.ts";
import type { Planned } from "./survey-jobs.ts";
import { comparedFolds } from "./training.ts";
import type { RunEffort, RunWork } from "./run-work.ts";

/** A decision with the numbers that it was made from. */
export interface DecidedEffort {
  readonly effort: RunEffort;
  readonly costs: Costs;
  readonly workload: Workload;
  readonly wish: Wish;
}

/** Part of a budget that is left for what cannot be measured before: the report, a busy disk. */
const SPARE = 0.03;
/** Lengths change between configurations only if the run would miss its budget by more than this part of it. */
const TOLERANCE = 0.04;

/** The clock of a budget; it starts now. */
export function startBudget(
  seconds: number,
  clock: () => number = () => performance.now() / 1000,
): { readonly seconds: number; left(): number } {
  const began = clock();
  return { seconds, left: () => seconds * (1 - SPARE) - (clock() - began) };
}

export type Budget = ReturnType<typeof startBudget>;

/** A decision is kept as long as the same is asked for of the same cases and plan. */
export function effortHash({ dataset, options }: Run, { plans }: Planned): string {
  return contentHash([requestOf(options), plansToJson(plans), dataset.trainingCases.map(({ id }) => id)]);
}

/**
 * Measures what each configuration costs here, and chooses how much of the whole work fits.
 *
 * @throws {LimitError} with the smallest budget that would do, if nothing fits
 */
export async function decideEffort(run: Run, planned: Planned, whole: RunWork, budget: Budget): Promise<DecidedEffort> {
  const { context, dataset, options } = run;
  const { plans } = planned;
  const names = [...new Set(whole.trainings.map(({ configuration }) => configuration))];
  const costs = await measureCosts(run, planned, names);
  const { epochs, iterationsPerEpoch } = context.stages.trainer.completeSettings(options.settings ?? {});
  const known = await knownFolds(context.folders, dataset, options);
  const folds = options.folds ?? known.all;
  const wish = { trainings: whole.trainings, folds, epochs, iterationsPerEpoch };
  const workload = await workloadOf(run, planned, whole, names);
  const chosen = chooseEffort(costs, workload, wish, budget.left(), budget.seconds - budget.left());
  const trained = [...new Set(chosen.trainings.map(({ configuration }) => configuration))];
  const length = { epochs: chosen.epochs, iterationsPerEpoch: chosen.iterationsPerEpoch };
  const effort = {
    of: effortHash(run, { plans, path: planned.path }),
    trainings: chosen.trainings,
    compared: comparedFolds(chosen.trainings, known.heldOut),
    lengths: Object.fromEntries(trained.map((name) => [name, length])),
    seconds: chosen.seconds,
    givenUp: chosen.givenUp,
  };
  return { effort, costs, workload, wish };
}

/** The first network of a cascade is measured too where only the second one is asked for. */
export async function measureCosts(run: Run, { plans }: Planned, names: readonly string[]): Promise<Costs> {
  const firsts = names.map((name) => findConfiguration(plans, name).previousConfiguration);
  const all = [...new Set([...firsts.filter((first) => first !== undefined), ...names])];
  return probeCosts(run.context, run.dataset, plans, all, run.options);
}

export async function workloadOf(
  { context, dataset, options }: Run,
  { plans }: Planned,
  { trainings }: RunWork,
  names: readonly string[],
): Promise<Workload> {
  const validationCases = new Map<Fold, number>();
  for (const fold of new Set(trainings.map((training) => training.fold))) {
    const { split } = await casesOfFold(context.folders, dataset, fold, { ...options, write: false });
    validationCases.set(fold, split.val.length);
  }
  const configurations = names.map((name) => {
    const { dataIdentifier, previousConfiguration } = findConfiguration(plans, name);
    return [name, { data: dataIdentifier, previous: previousConfiguration }] as const;
  });
  return {
    cases: dataset.trainingCases.length,
    testCases: dataset.testCases.length,
    validationCases,
    configurations: Object.fromEntries(configurations),
  };
}

/**
 * The lengths of the trainings that are not begun, by the time that is really left: a probe of seconds is no hour.
 *
 * @param begun - configurations whose trainings are done or begun
 * @param load - how many times as long the trainings before took as was expected
 */
export function reconsider(
  { effort, costs, workload, wish }: DecidedEffort,
  begun: ReadonlySet<string>,
  load: number,
  budget: Budget,
): RunEffort {
  const trainings = effort.trainings.filter(({ configuration }) => !begun.has(configuration));
  if (trainings.length === 0) return effort;
  const slower: Costs = Object.fromEntries(
    Object.entries(costs).map(([name, cost]) => [
      name,
      { ...cost, start: cost.start * load, step: cost.step * load, predictCase: cost.predictCase * load },
    ]),
  );
  const names = Object.keys(effort.lengths);
  const whole = { trainings: effort.trainings, epochs: 0, iterationsPerEpoch: 0 };
  const afterwards = selectionSeconds(slower, workload, names) + testSeconds(slower, workload, whole);
  const left = budget.left() - afterwards;
  const expected = trainings.reduce((total, { configuration, fold }) => {
    const length = { trainings, ...effort.lengths[configuration]! };
    return total + trainingSeconds(slower[configuration]!, workload.validationCases.get(fold) ?? 0, length);
  }, 0);
  if (Math.abs(expected - left) <= TOLERANCE * budget.seconds) return effort;
  // Preprocessing is over, and selection and test images are taken off already.
  const remaining = { ...workload, cases: 0, testCases: 0 };
  const changed = longestEffort(slower, remaining, { ...wish, trainings }, left);
  if (!changed) return effort; // the time is over: what was promised is done all the same
  const { epochs, iterationsPerEpoch } = changed;
  const lengths = Object.fromEntries(
    names.map((name) => [name, begun.has(name) ? effort.lengths[name]! : { epochs, iterationsPerEpoch }]),
  );
  return { ...effort, lengths };
}
