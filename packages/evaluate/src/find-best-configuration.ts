import { type EvaluationSummary, InvalidArgumentError, meanOfDefined } from "@nnunet/core";
import { bootstrapSuperiority, type Interval } from "./bootstrap.ts";
import { diceIntervals, diceRows, groupsOf } from "./dice-intervals.ts";

/** A configuration, or two whose probabilities are averaged, with its score over the whole cross-validation. */
export interface Candidate {
  /** `["3d_fullres"]`, or `["2d", "3d_fullres"]` for an ensemble. */
  readonly configurations: readonly string[];
  /** Over the validation cases of all folds together, before postprocessing. */
  readonly summary: EvaluationSummary;
}

export interface RankedCandidate {
  readonly configurations: readonly string[];
  /** Mean Dice over the labels; labels that no case has left out. */
  readonly score: number;
  /** In which the score would likely lie with other cases, 95 %. */
  readonly interval: Interval;
  /**
   * Share of the bootstrap's resamples in which the best one scores higher, 0.5 for the best itself; NaN where there are too few
   * cases to tell. {@link certaintyOf} says what it means.
   */
  readonly behindBest: number;
}

/**
 * What to try: each trained configuration by itself, then every pair as an ensemble.
 *
 * @example candidateConfigurations(["2d", "3d_fullres"]); // [["2d"], ["3d_fullres"], ["2d", "3d_fullres"]]
 * @see paper, Methods "Empirical parameters"; docs/method.md §8
 */
export function candidateConfigurations(trained: readonly string[]): string[][] {
  const pairs = trained.flatMap((first, i) => trained.slice(i + 1).map((second) => [first, second]));
  return [...trained.map((name) => [name]), ...pairs];
}

/**
 * The configuration or ensemble with the best cross-validation.
 *
 * @param candidates - scored on the same cases; at least one
 * @param options.ties - which of equals wins: the "first" (nnU-Net v2; single configurations come first, so the simpler
 *   one) or the "last" (version 1). "first" by default
 * @returns the best, and all of them, best first
 * @throws {InvalidArgumentError} if there is no candidate, a score is undefined, or the cases differ
 * @example findBestConfiguration(candidates).best.configurations; // ["3d_fullres"]
 * @see paper, Methods "Empirical parameters"; docs/method.md §8
 */
export function findBestConfiguration(
  candidates: readonly Candidate[],
  { ties = "first" }: { readonly ties?: "first" | "last" } = {},
): { readonly best: RankedCandidate; readonly ranking: readonly RankedCandidate[] } {
  const [reference] = candidates;
  if (reference === undefined) throw new InvalidArgumentError("candidates", "at least one", candidates);
  const cases = casesOf(reference);
  const rows = new Map<readonly string[], ReturnType<typeof diceRows>>();
  const scored = candidates.map((candidate) => {
    const name = candidate.configurations.join(" + ");
    if (casesOf(candidate) !== cases) {
      const expected = `the cases of ${reference.configurations.join(" + ")} (${reference.summary.cases.length}); train and validate the same folds of both`;
      throw new InvalidArgumentError(`candidate ${name}`, expected, candidate.summary.cases.length);
    }
    const dices = Object.values(candidate.summary.mean).map(({ dice }) => dice);
    const score = meanOfDefined(dices);
    if (Number.isNaN(score))
      throw new InvalidArgumentError(`candidate ${name}`, "a Dice for at least one label", dices);
    rows.set(candidate.configurations, diceRows(inOneOrder(candidate.summary)));
    return {
      configurations: candidate.configurations,
      score,
      interval: diceIntervals(candidate.summary).foregroundMean,
    };
  });
  if (ties === "last") scored.reverse();
  scored.sort((a, b) => b.score - a.score); // stable: equals keep their order
  const best = rows.get(scored[0]!.configurations)!;
  const groups = groupsOf(inOneOrder(reference.summary));
  const ranking = scored.map((each) => ({
    ...each,
    behindBest: bootstrapSuperiority(best, rows.get(each.configurations)!, { groups }),
  }));
  return { best: ranking[0]!, ranking };
}

/** The same cases one beside the other, whatever order they were scored in. */
function inOneOrder({ cases, mean }: EvaluationSummary): Pick<EvaluationSummary, "cases" | "mean"> {
  const byName = (a: EvaluationSummary["cases"][number], b: EvaluationSummary["cases"][number]) =>
    nameOf(a) < nameOf(b) ? -1 : 1;
  return { mean, cases: [...cases].sort(byName) };
}

const nameOf = ({ referenceFile }: EvaluationSummary["cases"][number]) => referenceFile.split(/[\\/]/).at(-1)!;

/** Cases are known by the file names of their references. */
const casesOf = ({ summary }: Candidate) => summary.cases.map(nameOf).sort().join("\n");
