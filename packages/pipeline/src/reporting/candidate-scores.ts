import { finiteOrNull } from "@nnunet/core";
import { bootstrapInterval, bootstrapSuperiority, certaintyOf, type Interval } from "@nnunet/evaluate";
import type { CandidateScore, Estimate } from "@nnunet/report";
import type { ScoredCandidate } from "./scored-candidates.ts";

/** The Dice of every case by its id, one per label in the order of `keys`. */
function dicesOf({ cases }: ScoredCandidate, keys: readonly string[]): ReadonlyMap<string, readonly number[]> {
  return new Map(cases.map(({ id, metrics }) => [id, keys.map((key) => metrics[key]?.dice ?? Number.NaN)]));
}

/** Drawn together are cases that belong together. */
export const groupsOf = ({ cases }: ScoredCandidate) => cases.map(({ group }) => group);

/** Mean Dice over labels and cases, as find-best compares it. */
export const meanDice = (candidate: ScoredCandidate, keys: readonly string[]): number =>
  bootstrapInterval([...dicesOf(candidate, keys).values()], { samples: 1 }).mean;

/**
 * The candidates with their intervals, best first; equals stay in their order.
 *
 * @param chosen - beside which the others are put, on the cases that both have
 */
export function candidateScores(
  candidates: readonly ScoredCandidate[],
  chosen: ScoredCandidate,
  keys: readonly string[],
): CandidateScore[] {
  const ofChosen = dicesOf(chosen, keys);
  const groupOf = new Map(chosen.cases.map(({ id, group }) => [id, group]));
  return candidates
    .map((candidate) => {
      const dices = dicesOf(candidate, keys);
      const rows = [...dices.values()];
      const groups = groupsOf(candidate);
      const chosenIsBetter = candidate === chosen ? null : superiority(ofChosen, dices, groupOf);
      return {
        configurations: candidate.configurations,
        folds: candidate.folds,
        dice: estimateOf(bootstrapInterval(rows, { groups })),
        labels: keys.map((_, label) =>
          estimateOf(
            bootstrapInterval(
              rows.map((row) => row[label]!),
              { groups },
            ),
          ),
        ),
        chosenIsBetter,
        certainty: candidate === chosen ? null : certaintyOf(chosenIsBetter),
      };
    })
    .sort((a, b) => (b.dice.mean ?? -1) - (a.dice.mean ?? -1));
}

function superiority(
  chosen: ReadonlyMap<string, readonly number[]>,
  other: ReadonlyMap<string, readonly number[]>,
  groupOf: ReadonlyMap<string, string | undefined>,
): number | null {
  const both = [...chosen.keys()].filter((id) => other.has(id));
  return finiteOrNull(
    bootstrapSuperiority(
      both.map((id) => chosen.get(id)!),
      both.map((id) => other.get(id)!),
      { groups: both.map((id) => groupOf.get(id)) },
    ),
  );
}

export const estimateOf = ({ mean, low, high, cases }: Interval): Estimate => ({
  mean: finiteOrNull(mean),
  low: finiteOrNull(low),
  high: finiteOrNull(high),
  cases,
});
