import { LimitError } from "@nnunet/core";
import type { Fold } from "../folders.ts";
import { type Costs, type Effort, effortSeconds, type Workload } from "./costs.ts";

/** What would be done if there were time for it. */
export interface Wish extends Effort {
  /** What each configuration is validated by: all folds that were asked for. */
  readonly folds: readonly Fold[];
}

export interface Choice extends Effort {
  /** After the survey. */
  readonly seconds: number;
  /** What is not done of the wish, and what that costs in certainty; one sentence each. */
  readonly givenUp: readonly string[];
}

/**
 * Steps of a training below which fewer networks are trained instead of shorter. At 500 steps the hippocampus training
 * of the README is past 0.8 mean Dice; the paper's own number is 250 000.
 */
const ENOUGH_STEPS = 500;
/** Below this a training says nothing. */
const FEWEST_STEPS = 50;
/** An epoch is a point of the learning rate's descent and a checkpoint: fewer than this make it coarse. */
const USUAL_EPOCHS = 20;
/** Epochs shorter than this are not made, as long as there is more than one. */
const STEPS_OF_EPOCH = 10;

/**
 * How much of a wish fits into the time that is left. What costs the least certainty is given up first (paper, Supplement
 * G.1): long trainings, then the cascade, then the comparison of configurations (3d_fullres is the best overall), then
 * folds, and last the length that a training should have.
 *
 * @param seconds - that may be spent from now on
 * @param spent - seconds of the budget that are gone, or set aside
 * @throws {LimitError} with the smallest time that would do, if not even that fits
 */
export function chooseEffort(costs: Costs, work: Workload, wish: Wish, seconds: number, spent = 0): Choice {
  const scopes = scopesOf(work, wish);
  const wished = wish.epochs * wish.iterationsPerEpoch;
  const fitting = scopes.map(({ trainings }) => longestEffort(costs, work, { ...wish, trainings }, seconds));
  const enough = Math.min(ENOUGH_STEPS, wished);
  const chosen =
    fitting.find((effort) => effort && stepsOf(effort) >= enough) ??
    fitting.findLast((effort) => effort && stepsOf(effort) >= Math.min(FEWEST_STEPS, wished));
  if (!chosen) {
    const smallest = effortSeconds(costs, work, shortest({ ...wish, ...scopes.at(-1)! }));
    throw new LimitError(
      `a run of one fold of ${scopes.at(-1)!.trainings[0]!.configuration}, the least that says anything,`,
      `about ${inMinutes(smallest)}`,
      `${inMinutes(Math.max(0, seconds))} are left of the budget`,
      `the smallest budget that would do is ${inMinutes(1.05 * (spent + smallest))}, with \`baseFeatures\` or \`batchSize\` made smaller less`,
    );
  }
  return { ...chosen, seconds: effortSeconds(costs, work, chosen), givenUp: givenUp(work, wish, chosen) };
}

type Scope = Pick<Effort, "trainings">;

/** From the whole wish to the least, each poorer than the one before. */
function scopesOf({ configurations }: Workload, { trainings, folds }: Wish): Scope[] {
  const names = namesIn(trainings);
  const firsts = new Set(names.map((name) => configurations[name]!.previous));
  const single = names.filter((name) => configurations[name]!.previous === undefined && !firsts.has(name));
  const kept = single.length > 0 ? single : names.filter((name) => configurations[name]!.previous === undefined);
  const best = kept.find((name) => name === "3d_fullres") ?? kept.at(-1) ?? names[0]!;
  const only = (chosen: readonly string[], of: readonly Fold[]) =>
    trainings.filter(({ configuration, fold }) => chosen.includes(configuration) && of.includes(fold));
  const narrower = [
    trainings,
    only(kept, folds),
    only([best], folds),
    only([best], folds.slice(0, 3)),
    only([best], folds.slice(0, 1)),
  ];
  return narrower
    .filter((each, i) => each.length > 0 && (i === 0 || each.length < narrower[i - 1]!.length))
    .map((each) => ({ trainings: each }));
}

const namesIn = (trainings: Effort["trainings"]) => [...new Set(trainings.map(({ configuration }) => configuration))];

/** All trainings of a wish, as long as there is time for; undefined if there is not even for one step of each. */
export function longestEffort(costs: Costs, work: Workload, wish: Wish, seconds: number): Effort | undefined {
  const fits = (effort: Effort) => effortSeconds(costs, work, effort) <= seconds;
  const { trainings, epochs, iterationsPerEpoch } = wish;
  const all = { trainings, epochs, iterationsPerEpoch };
  if (fits(all)) return all;
  // The largest number of steps by halving: the time grows with it.
  let [low, high] = [0, stepsOf(wish)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(ofSteps(wish, middle))) low = middle;
    else high = middle;
  }
  const effort = ofSteps(wish, Math.max(1, low));
  return fits(effort) ? effort : undefined;
}

/** At most `steps` steps in epochs: the wish's where there are enough of them, shorter ones otherwise. */
function ofSteps({ trainings, epochs, iterationsPerEpoch }: Wish, steps: number): Effort {
  const usual = Math.floor(steps / iterationsPerEpoch);
  if (usual >= Math.min(epochs, USUAL_EPOCHS)) {
    return { trainings, epochs: Math.min(epochs, usual), iterationsPerEpoch };
  }
  const fewer = Math.min(epochs, USUAL_EPOCHS, Math.max(1, Math.floor(steps / STEPS_OF_EPOCH)));
  const iterations = Math.min(iterationsPerEpoch, Math.max(1, Math.floor(steps / fewer)));
  return { trainings, epochs: fewer, iterationsPerEpoch: iterations };
}

const shortest = (wish: Wish): Effort => ofSteps(wish, Math.min(FEWEST_STEPS, stepsOf(wish)));

const stepsOf = ({ epochs, iterationsPerEpoch }: Effort) => epochs * iterationsPerEpoch;

const inMinutes = (seconds: number) =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${(Math.ceil(seconds / 6) / 10).toFixed(1)} min`;

function givenUp({ configurations, validationCases, cases }: Workload, wish: Wish, chosen: Effort): string[] {
  const sentences: string[] = [];
  const [wished, names] = [namesIn(wish.trainings), namesIn(chosen.trainings)];
  const left = wished.filter((name) => !names.includes(name));
  const firsts = new Set(wished.map((name) => configurations[name]!.previous));
  const cascade = left.filter((name) => configurations[name]!.previous !== undefined || firsts.has(name));
  const others = left.filter((name) => !cascade.includes(name));
  if (cascade.length > 0) {
    sentences.push(
      `${cascade.join(" and ")} left out: whether the cascade is better here is not known; it is where objects are large against the patch`,
    );
  }
  if (others.length > 0) {
    sentences.push(
      `${others.join(" and ")} left out: ${names.join(", ")} is taken because it is the best overall, not because it was compared`,
    );
  }
  const folds = [...new Set(chosen.trainings.map(({ fold }) => fold))];
  if (folds.length < wish.folds.length) {
    const seen = folds.reduce<number>((total, fold) => total + (validationCases.get(fold) ?? 0), 0);
    const wider = Math.sqrt(cases / Math.max(1, seen)).toFixed(1);
    sentences.push(
      `${folds.length} of ${wish.folds.length} folds: scores of ${seen} of ${cases} cases, so intervals about ${wider} times as wide, and a predictor of ${folds.length === 1 ? "one network" : `${folds.length} networks`} instead of ${wish.folds.length}`,
    );
  }
  if (stepsOf(chosen) < stepsOf(wish)) {
    const share = Number(((100 * stepsOf(chosen)) / stepsOf(wish)).toPrecision(2));
    sentences.push(
      `${chosen.epochs} epochs of ${chosen.iterationsPerEpoch} steps instead of ${wish.epochs} of ${wish.iterationsPerEpoch} (${share} %): scores are below what the full training would reach, and the ranking may change with it`,
    );
  }
  return sentences;
}
