import { type EvaluationSummary, InvalidArgumentError } from "@nnunet/core";

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
  const scored = candidates.map((candidate) => {
    const name = candidate.configurations.join(" + ");
    if (casesOf(candidate) !== cases) {
      const expected = `the cases of ${reference.configurations.join(" + ")} (${reference.summary.cases.length}); train and validate the same folds of both`;
      throw new InvalidArgumentError(`candidate ${name}`, expected, candidate.summary.cases.length);
    }
    const dices = Object.values(candidate.summary.mean).map(({ dice }) => dice);
    const defined = dices.filter((dice) => !Number.isNaN(dice));
    const score = defined.reduce((sum, dice) => sum + dice, 0) / defined.length;
    if (Number.isNaN(score))
      throw new InvalidArgumentError(`candidate ${name}`, "a Dice for at least one label", dices);
    return { configurations: candidate.configurations, score };
  });
  if (ties === "last") scored.reverse();
  const ranking = scored.sort((a, b) => b.score - a.score); // stable: equals keep their order
  return { best: ranking[0]!, ranking };
}

/** Cases are known by the file names of their references. */
const casesOf = ({ summary }: Candidate) =>
  summary.cases
    .map(({ referenceFile }) => referenceFile.split(/[\\/]/).at(-1))
    .sort()
    .join("\n");
