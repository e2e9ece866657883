import { basename } from "node:path";
import { bootstrapInterval, bootstrapSuperiority, type Interval } from "@nnunet/evaluate";
import { imageStem } from "@nnunet/io";
import type { CandidateScore, Estimate } from "@nnunet/report";
import type { Fold } from "../folders.ts";
import type { FoldResult } from "./fold-results.ts";

/** The Dice of every case of a candidate, one per label in the dataset's order. */
export interface ScoredCandidate {
  readonly configurations: readonly string[];
  readonly folds: readonly Fold[];
  /** By case id; of a case that several folds have, the first one's. */
  readonly dices: ReadonlyMap<string, readonly number[]>;
}

/** Each configuration over the cases of all its folds; a fold of another division of the cases is left out if others are there. */
export function scoredConfigurations(folds: readonly FoldResult[], keys: readonly string[]): ScoredCandidate[] {
  const names = [...new Set(folds.map(({ configuration }) => configuration))];
  return names.flatMap((name) => {
    const own = crossValidationFolds(folds, name);
    if (own.length === 0) return [];
    const dices = new Map<string, readonly number[]>();
    for (const { summary } of own) {
      for (const { predictionFile, metrics } of summary!.cases) {
        const id = caseIdOf(predictionFile);
        if (!dices.has(id))
          dices.set(
            id,
            keys.map((key) => metrics[key]?.dice ?? Number.NaN),
          );
      }
    }
    return [{ configurations: [name], folds: own.map(({ fold }) => fold), dices }];
  });
}

/** The validated folds of a configuration whose scores are of unseen cases; all of them if there are none such. */
export function crossValidationFolds(folds: readonly FoldResult[], configuration: string): FoldResult[] {
  const validated = folds.filter((fold) => fold.configuration === configuration && fold.summary !== undefined);
  const unseen = validated.filter(({ summary }) => summary!.remark === undefined);
  return unseen.length > 0 ? unseen : validated;
}

export const caseIdOf = (path: string) => imageStem(basename(path)) ?? basename(path);

/**
 * The candidates with their intervals, best first.
 *
 * @param chosen - beside which the others are put, on the cases that both have
 */
export function candidateScores(candidates: readonly ScoredCandidate[], chosen: ScoredCandidate): CandidateScore[] {
  return candidates
    .map((candidate) => ({
      configurations: candidate.configurations,
      folds: candidate.folds,
      dice: estimateOf(bootstrapInterval([...candidate.dices.values()])),
      labels: [...candidate.dices.values()][0]!.map((_, label) =>
        estimateOf(bootstrapInterval([...candidate.dices.values()].map((row) => row[label]!))),
      ),
      chosenIsBetter: candidate === chosen ? null : superiority(chosen, candidate),
    }))
    .sort((a, b) => (b.dice.mean ?? -1) - (a.dice.mean ?? -1));
}

function superiority(chosen: ScoredCandidate, other: ScoredCandidate): number | null {
  const both = [...chosen.dices.keys()].filter((id) => other.dices.has(id));
  return finiteOrNull(
    bootstrapSuperiority(
      both.map((id) => chosen.dices.get(id)!),
      both.map((id) => other.dices.get(id)!),
    ),
  );
}

export const finiteOrNull = (value: number) => (Number.isFinite(value) ? value : null);

export const estimateOf = ({ mean, low, high, cases }: Interval): Estimate => ({
  mean: finiteOrNull(mean),
  low: finiteOrNull(low),
  high: finiteOrNull(high),
  cases,
});
