import { findConfiguration, plansToJson } from "@nnunet/core";
import type { Budget } from "../budget/budget-clock.ts";
import { chooseEffort, longestEffort, type Wish } from "../budget/choose-effort.ts";
import {
  configurationsIn,
  type Costs,
  type Length,
  selectionSeconds,
  testSeconds,
  trainingSeconds,
  type Workload,
} from "../budget/costs.ts";
import { givenUp, tooShort } from "../budget/given-up.ts";
import type { Fold } from "../folders.ts";
import { contentHash } from "../records/made-from.ts";
import { casesOfFold, knownFolds } from "../training/splits.ts";
import { measureCosts } from "./measured-costs.ts";
import type { Run } from "./run.ts";
import { requestOf } from "./run-options.ts";
import type { Planned } from "./survey-jobs.ts";
import { comparedFolds, foldsOnAllCases } from "./training.ts";
import type { RunEffort, RunWork } from "./run-work.ts";

/** A decision with the numbers that it was made from. */
export interface DecidedEffort {
  readonly effort: RunEffort;
  readonly costs: Costs;
  readonly workload: Workload;
  readonly wish: Wish;
  /** Seconds that went by before the trainings, and would again. */
  readonly before: number;
}

/** Lengths change between configurations only if the run would miss its budget by more than this part of it. */
const TOLERANCE = 0.04;

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
  const names = configurationsIn(whole.trainings);
  const surveyed = budget.spent();
  const { costs, seconds: measuring } = await measureCosts(run, planned, names);
  const { epochs, iterationsPerEpoch } = context.stages.trainer.completeSettings(options.settings ?? {});
  const known = await knownFolds(context.folders, dataset, options);
  const folds = options.folds ?? known.all;
  const wish = { trainings: whole.trainings, folds, epochs, iterationsPerEpoch };
  const workload = await workloadOf(run, planned, whole, names);
  const before = surveyed + measuring;
  const { trainings, seconds, ...length } = chooseEffort(costs, workload, wish, budget.left(), before);
  const basis = { costs, workload, wish, before };
  const effort = {
    of: effortHash(run, planned),
    trainings,
    compared: comparedFolds(trainings, known.heldOut),
    onAllCases: foldsOnAllCases(trainings, known),
    seconds,
    ...withLengths(basis, trainings, allOf(configurationsIn(trainings), length)),
  };
  return { ...basis, effort };
}

const allOf = (names: readonly string[], length: Length) => Object.fromEntries(names.map((name) => [name, length]));

/** What a decision says of lengths. */
function withLengths(
  { costs, workload, wish, before }: Omit<DecidedEffort, "effort">,
  trainings: RunEffort["trainings"],
  lengths: RunEffort["lengths"],
): Pick<RunEffort, "lengths" | "givenUp" | "warning"> {
  const warning = tooShort(costs, workload, wish, lengths, before);
  return { lengths, givenUp: givenUp(workload, wish, trainings, lengths), ...(warning !== undefined && { warning }) };
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
 * @param begun - configurations whose trainings are done or begun, by whomever: their lengths stay
 * @param ahead - trainings of these that are still to be done
 * @param load - how many times as long the trainings before took as was expected
 */
export function reconsider(
  decided: DecidedEffort,
  begun: ReadonlySet<string>,
  ahead: RunEffort["trainings"],
  load: number,
  budget: Budget,
): RunEffort {
  const { effort, costs, workload, wish } = decided;
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
  const secondsHere = (some: RunEffort["trainings"]) => secondsOf({ ...decided, costs: slower }, some);
  const left = budget.left() - afterwards - secondsHere(ahead);
  const expected = secondsHere(trainings);
  if (Math.abs(expected - left) <= TOLERANCE * budget.seconds) return effort;
  // Preprocessing is over, and selection and test images are taken off already.
  const remaining = { ...workload, cases: 0, testCases: 0 };
  const changed = longestEffort(slower, remaining, { ...wish, trainings }, left);
  if (!changed) return effort; // the time is over: what was promised is done all the same
  const { epochs, iterationsPerEpoch } = changed;
  const later = names.filter((name) => !begun.has(name));
  const lengths = { ...effort.lengths, ...allOf(later, { epochs, iterationsPerEpoch }) };
  const { warning: _, ...others } = effort;
  return { ...others, ...withLengths(decided, effort.trainings, lengths) };
}

/** What trainings were expected to take as long as they are to be. */
export function secondsOf({ effort, costs, workload }: DecidedEffort, trainings: RunEffort["trainings"]): number {
  return trainings.reduce(
    (total, training) => total + trainingSeconds(costs, workload, training, effort.lengths[training.configuration]!),
    0,
  );
}
