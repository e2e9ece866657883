import { counted } from "@nnunet/core";
import { budgetFor, shownBudget } from "./budget-clock.ts";
import { atLeast, cheapest, ENOUGH_STEPS, stepsOf, type Wish } from "./choose-effort.ts";
import { type Costs, configurationsIn, type Effort, type Length, type Workload } from "./costs.ts";

type Trainings = Effort["trainings"];
/** How long each configuration is trained. */
type Lengths = Readonly<Record<string, Length>>;

/** Something that a budget gave up. */
export interface GivenUp {
  /** What, and what that costs in certainty. */
  readonly sentence: string;
  /** The trainings that are missing for it; none where those that are done are too short. */
  readonly missing: Trainings;
}

/**
 * What of a wish is not done, in sentences that say what that costs.
 *
 * @param trainings - that are done
 */
export function givenUp(work: Workload, wish: Wish, trainings: Trainings, lengths: Lengths): GivenUp[] {
  return [
    ...configurationsLeftOut(work, wish, trainings),
    ...foldsLeftOut(work, wish, trainings),
    ...stepsLeftOut(wish, lengths),
  ];
}

function configurationsLeftOut({ configurations }: Workload, wish: Wish, trainings: Trainings): GivenUp[] {
  const [wished, names] = [configurationsIn(wish.trainings), configurationsIn(trainings)];
  const left = wished.filter((name) => !names.includes(name));
  const firsts = new Set(wished.map((name) => configurations[name]!.previous));
  const cascade = left.filter((name) => configurations[name]!.previous !== undefined || firsts.has(name));
  const others = left.filter((name) => !cascade.includes(name));
  const folds = new Set(trainings.map(({ fold }) => fold));
  const missing = (of: readonly string[]) =>
    wish.trainings.filter(({ configuration, fold }) => of.includes(configuration) && folds.has(fold));
  const sentences: GivenUp[] = [];
  if (cascade.length > 0) {
    const sentence = `${both(cascade)} left out: whether the cascade is better here is not known; it is where objects are large against the patch`;
    sentences.push({ sentence, missing: missing(cascade) });
  }
  if (others.length > 0) {
    const sentence = `${both(others)} left out: nothing was compared here; ${whyTaken(names, others)}`;
    sentences.push({ sentence, missing: missing(others) });
  }
  return sentences;
}

/** On what evidence, if on any: none of it is of these images. */
function whyTaken(names: readonly string[], left: readonly string[]): string {
  const taken = `${both(names)} is taken because`;
  const paper = "over the datasets of the paper (Isensee et al. 2021, Supplement G.1)";
  if (names.includes("3d_fullres")) {
    return `${taken} ${paper} it was the best overall, fully trained, which need not hold for these images`;
  }
  const steps = `its steps cost less and there is no time for ${ENOUGH_STEPS} of the other`;
  if (left.includes("3d_fullres")) return `${taken} ${steps}; ${paper}, fully trained, 3d_fullres was the better one`;
  return `${taken} ${steps}, or it stands last in the plan; nothing says that it is the better one`;
}

function foldsLeftOut({ validationCases, cases }: Workload, wish: Wish, trainings: Trainings): GivenUp[] {
  const folds = [...new Set(trainings.map(({ fold }) => fold))];
  if (folds.length >= wish.folds.length) return [];
  const seen = folds.reduce<number>((total, fold) => total + (validationCases.get(fold) ?? 0), 0);
  const wider = Math.sqrt(cases / Math.max(1, seen)).toFixed(1);
  const names = configurationsIn(trainings);
  const sentence = `${folds.length} of ${wish.folds.length} folds: scores of ${seen} of ${cases} cases, so intervals about ${wider} times as wide, and a predictor of ${folds.length === 1 ? "one network" : `${folds.length} networks`} instead of ${wish.folds.length}`;
  const missing = wish.trainings.filter((one) => names.includes(one.configuration) && !folds.includes(one.fold));
  return [{ sentence, missing }];
}

function stepsLeftOut(wish: Wish, lengths: Lengths): GivenUp[] {
  const shorter = Object.entries(lengths).filter(([, length]) => stepsOf(length) < stepsOf(wish));
  if (shorter.length === 0) return [];
  const shown = ({ epochs, iterationsPerEpoch }: Length) =>
    `${counted(epochs, "epoch")} of ${counted(iterationsPerEpoch, "step")}`;
  const share = (length: Length) => `${Number(((100 * stepsOf(length)) / stepsOf(wish)).toPrecision(2))} %`;
  const same = new Set(shorter.map(([, length]) => shown(length))).size === 1;
  const lengthsShown = same
    ? `${shown(shorter[0]![1])} instead of ${wish.epochs} of ${wish.iterationsPerEpoch} (${share(shorter[0]![1])})`
    : `${shorter.map(([name, length]) => `${name} ${shown(length)} (${share(length)})`).join(", ")}, instead of ${shown(wish)}`;
  return [
    {
      sentence: `${lengthsShown}: scores are below what the full training would reach, and the ranking may change with it`,
      missing: [],
    },
  ];
}

const both = (names: readonly string[]) => names.join(" and ");

/**
 * Trainings so short that they teach a network next to nothing: what to expect of it, and the budget that would do.
 *
 * @returns undefined where each is long enough, or as long as was wished
 */
export function tooShort(
  costs: Costs,
  work: Workload,
  wish: Wish,
  lengths: Lengths,
  before: number,
): string | undefined {
  const enough = atLeast(ENOUGH_STEPS, wish);
  const short = Object.entries(lengths).filter(([, length]) => stepsOf(length) < enough);
  if (short.length === 0) return undefined;
  const done = both(short.map(([name, length]) => `${counted(stepsOf(length), "step")} of ${name}`));
  const better = cheapest(costs, work, wish, ENOUGH_STEPS);
  const [name] = configurationsIn(better.trainings);
  const budget = shownBudget(budgetFor(better.seconds, before));
  return `${done}, which teach a network next to nothing: its segmentations may be empty, and its Dice near 0. Nobody should use this predictor. ${enough} steps of one fold of ${name}, after which a small network segments something, fit into a budget of ${budget}`;
}
