import { LimitError } from "@nnunet/core";
import type { Fold } from "../folders.ts";
import { budgetFor, shownBudget } from "./budget-clock.ts";
import {
  configurationsIn,
  type Costs,
  type Effort,
  effortSeconds,
  type Length,
  trainingSeconds,
  type Workload,
} from "./costs.ts";

/** What would be done if there were time for it. */
export interface Wish extends Effort {
  /** What each configuration is validated by: all folds that were asked for. */
  readonly folds: readonly Fold[];
}

export interface Choice extends Effort {
  /** After the survey. */
  readonly seconds: number;
}

/**
 * Steps of a training below which fewer networks are trained instead of shorter. At 500 steps the hippocampus training
 * of the README is past 0.8 mean Dice; the paper's own number is 250 000.
 */
export const ENOUGH_STEPS = 500;
/** Below this nothing is trained at all. */
const FEWEST_STEPS = 50;
/** An epoch is a point of the learning rate's descent and a checkpoint: fewer than this make it coarse. */
const USUAL_EPOCHS = 20;
/** Epochs shorter than this are not made, as long as there is more than one. */
const STEPS_OF_EPOCH = 10;

/**
 * How much of a wish fits into the time that is left. What costs the least certainty is given up first (paper, Supplement
 * G.1): long trainings, then the cascade, then the comparison of configurations (3d_fullres is the best overall), then
 * folds, then 3d_fullres for a network whose steps cost less, and last the length that a training should have.
 *
 * @param seconds - that may be spent from now on
 * @param before - seconds that any such run takes before its trainings
 * @throws {LimitError} with the smallest budget that would do, if nothing fits
 * @see docs/decisions/0028-budget.md
 */
export function chooseEffort(costs: Costs, work: Workload, wish: Wish, seconds: number, before = 0): Choice {
  const scopes = scopesOf(costs, work, wish);
  const fitting = scopes.flatMap((trainings) => longestEffort(costs, work, { ...wish, trainings }, seconds) ?? []);
  const chosen =
    fitting.find((effort) => stepsOf(effort) >= atLeast(ENOUGH_STEPS, wish)) ??
    longestOf(fitting.filter((effort) => stepsOf(effort) >= atLeast(FEWEST_STEPS, wish)));
  if (chosen) return { ...chosen, seconds: effortSeconds(costs, work, chosen) };
  const smallest = cheapest(costs, work, wish, FEWEST_STEPS);
  const named = (of: Choice, what: string) => `${what} is ${shownBudget(budgetFor(of.seconds, before))}`;
  const teaching = cheapest(costs, work, wish, ENOUGH_STEPS);
  const learns = `, and one in which a network learns something`;
  throw new LimitError(
    `a run of one fold of ${smallest.trainings[0]!.configuration}, the least that can be done,`,
    `about ${shownBudget(Math.ceil(smallest.seconds))}`,
    `${shownBudget(Math.max(0, Math.floor(seconds)))} are left of the budget`,
    `${named(smallest, "the smallest budget that would do")}${stepsOf(wish) > FEWEST_STEPS ? named(teaching, learns) : ""}; a smaller \`baseFeatures\` or \`batchSize\` needs less`,
  );
}

/** The cheapest single network with so many steps. */
export function cheapest(costs: Costs, work: Workload, wish: Wish, steps: number): Choice {
  const efforts = scopesOf(costs, work, wish).map((trainings) => {
    const effort = { trainings, ...shortest(wish, atLeast(steps, wish)) };
    return { ...effort, seconds: effortSeconds(costs, work, effort) };
  });
  return efforts.reduce((best, each) => (each.seconds < best.seconds ? each : best));
}

/** So many steps, or all that are wished for where these are fewer. */
export const atLeast = (steps: number, wish: Length) => Math.min(steps, stepsOf(wish));

type Trainings = Effort["trainings"];

/**
 * From the whole wish to the least: what could be trained, in the order in which it is preferred as long as each network
 * has enough steps.
 */
function scopesOf(costs: Costs, work: Workload, { trainings, folds, ...length }: Wish): Trainings[] {
  const { configurations } = work;
  const names = configurationsIn(trainings);
  const firsts = new Set(names.map((name) => configurations[name]!.previous));
  const byThemselves = names.filter((name) => configurations[name]!.previous === undefined);
  const single = byThemselves.filter((name) => !firsts.has(name));
  const kept = single.length > 0 ? single : byThemselves;
  const best = kept.find((name) => name === "3d_fullres") ?? kept.at(-1) ?? names[0]!;
  const only = (chosen: readonly string[], of: readonly Fold[]) =>
    trainings.filter(({ configuration, fold }) => chosen.includes(configuration) && of.includes(fold));
  const enough = { ...length, ...shortest(length, atLeast(ENOUGH_STEPS, length)) };
  const secondsOf = (configuration: string) =>
    trainingSeconds(costs, work, { configuration, fold: folds[0]! }, enough) +
    work.cases * costs[configuration]!.preprocessCase;
  const cheaper = byThemselves
    .filter((name) => name !== best && secondsOf(name) < secondsOf(best))
    .sort((a, b) => secondsOf(b) - secondsOf(a));
  const narrowing = (name: string) => [folds, folds.slice(0, 3), folds.slice(0, 1)].map((of) => only([name], of));
  const scopes = [trainings, only(kept, folds), ...[best, ...cheaper].flatMap(narrowing)];
  const seen = new Set<string>();
  return scopes.filter((scope) => {
    const key = JSON.stringify(scope);
    if (scope.length === 0 || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function longestOf(efforts: readonly Effort[]): Effort | undefined {
  return efforts.reduce<Effort | undefined>(
    (best, each) => (best === undefined || stepsOf(each) > stepsOf(best) ? each : best),
    undefined,
  );
}

/** All trainings of a wish, as long as there is time for; undefined if there is not even for one step of each. */
export function longestEffort(costs: Costs, work: Workload, wish: Wish, seconds: number): Effort | undefined {
  const { trainings, epochs, iterationsPerEpoch } = wish;
  const fits = (length: Length) => effortSeconds(costs, work, { trainings, ...length }) <= seconds;
  const all = { epochs, iterationsPerEpoch };
  if (fits(all)) return { trainings, ...all };
  // The largest number of steps by halving: the time grows with it.
  let [low, high] = [0, stepsOf(wish)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(ofSteps(wish, middle))) low = middle;
    else high = middle;
  }
  const length = ofSteps(wish, Math.max(1, low));
  return fits(length) ? { trainings, ...length } : undefined;
}

/** At most `steps` steps in epochs: the wish's where there are enough of them, shorter ones otherwise. */
function ofSteps({ epochs, iterationsPerEpoch }: Length, steps: number): Length {
  const usual = Math.floor(steps / iterationsPerEpoch);
  if (usual >= Math.min(epochs, USUAL_EPOCHS)) return { epochs: Math.min(epochs, usual), iterationsPerEpoch };
  const short = Math.min(STEPS_OF_EPOCH, iterationsPerEpoch);
  const fewer = Math.min(epochs, USUAL_EPOCHS, Math.max(1, Math.floor(steps / short)));
  return { epochs: fewer, iterationsPerEpoch: Math.min(iterationsPerEpoch, Math.max(1, Math.floor(steps / fewer))) };
}

/** The shortest length with at least so many steps; they are rounded to whole epochs. */
function shortest(wish: Length, steps: number): Length {
  for (let asked = steps; ; asked++) {
    const length = ofSteps(wish, asked);
    if (stepsOf(length) >= steps) return length;
  }
}

export const stepsOf = ({ epochs, iterationsPerEpoch }: Length) => epochs * iterationsPerEpoch;
