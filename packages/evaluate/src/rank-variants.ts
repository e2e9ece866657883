import { InvalidArgumentError } from "@nnunet/core";
import { type BootstrapOptions, type CaseScores, resampledTogether } from "./bootstrap.ts";

/** Scores of the same cases in the same order, by the name of the variant. */
export type VariantScores = Readonly<Record<string, readonly CaseScores[]>>;

/** How a variant does over virtual validation sets. */
export interface RankedVariant {
  readonly variant: string;
  /** Over the real cases; over several datasets the mean of theirs. */
  readonly mean: number;
  /** Over the virtual validation sets, 1 is the best. */
  readonly meanRank: number;
  /** Share of the virtual validation sets in which it has rank 1, 2, …; equal variants share their ranks. */
  readonly ranks: readonly number[];
}

export interface Ranking {
  /** The best first, by mean rank. */
  readonly variants: readonly RankedVariant[];
  /** That have a score in every variant. */
  readonly cases: number;
  /** Of them: those that are drawn, single cases or groups. Of fewer than {@link fewestToCompare} nothing follows. */
  readonly independentCases: number;
}

/** One of several datasets. */
export interface DatasetScores extends Pick<BootstrapOptions, "groups"> {
  readonly scores: VariantScores;
}

/**
 * Ranks variants on each of 1,000 virtual validation sets, drawn with replacement from the cases: how stable is their order?
 *
 * @param options.groups - of cases that are drawn together
 * @throws {InvalidArgumentError} if there are fewer than two variants, or they have not the same number of cases
 * @example rankVariants({ ours: [0.9, 0.8, 0.85], theirs: [0.7, 0.6, 0.9] }).variants[0].variant; // "ours"
 * @see Isensee et al. 2021, Nature Methods 18:203, Figure 6 a–j; Wiesenfarth et al. 2021, Scientific Reports 11:2369
 */
export function rankVariants(scores: VariantScores, options: BootstrapOptions = {}): Ranking {
  const { means, sets, ...counts } = virtualSets(scores, options);
  return { variants: ranked(means, sets.map(ranksOf)), ...counts };
}

/**
 * The same over several datasets: on each virtual round the ranks of a variant are averaged over the datasets, and ranked
 * again, so that every dataset counts the same however many cases it has.
 *
 * @see Isensee et al. 2021, Figure 6 k
 */
export function rankOverDatasets(
  datasets: readonly DatasetScores[],
  options: Omit<BootstrapOptions, "groups"> = {},
): Ranking {
  const all = datasets.map(({ scores, groups }, i) =>
    virtualSets(scores, { ...options, groups, seed: (options.seed ?? 0) + i }),
  );
  const names = Object.keys(datasets[0]!.scores);
  const means = new Map(names.map((name) => [name, average(all.map((each) => each.means.get(name)!))]));
  const rounds = all[0]!.sets.map((_, round) => {
    const perDataset = all.map(({ sets }) => ranksOf(sets[round]!));
    // a low rank is good, a high score is
    return new Map(names.map((name) => [name, -average(perDataset.map((ranks) => mid(ranks.get(name)!)))]));
  });
  return {
    variants: ranked(means, rounds.map(ranksOf)),
    cases: sumOf(all.map(({ cases }) => cases)),
    independentCases: sumOf(all.map(({ independentCases }) => independentCases)),
  };
}

const sumOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const average = (values: readonly number[]) => sumOf(values) / values.length;

function virtualSets(scores: VariantScores, options: BootstrapOptions) {
  const names = Object.keys(scores);
  if (names.length < 2) throw new InvalidArgumentError("variants", "at least two", names);
  const lists = names.map((name) => scores[name]!);
  for (const { length } of lists) {
    if (length !== lists[0]!.length)
      throw new InvalidArgumentError("variants", `${lists[0]!.length} cases of each`, length);
  }
  const { lists: drawn, ...counts } = resampledTogether(lists, options);
  if (counts.cases === 0) {
    throw new InvalidArgumentError("variants", "at least one case with a score in every variant", lists[0]);
  }
  const sets = Array.from(drawn[0]!.means, (_, k) => new Map(names.map((name, v) => [name, drawn[v]!.means[k]!])));
  return { means: new Map(names.map((name, v) => [name, drawn[v]!.mean])), sets, ...counts };
}

/** The places that a variant takes: one, or with equals all that they share. */
interface Places {
  readonly first: number;
  readonly last: number;
}
const mid = ({ first, last }: Places) => (first + last) / 2;

function ranksOf(scores: ReadonlyMap<string, number>): Map<string, Places> {
  const values = [...scores.values()];
  return new Map(
    [...scores].map(([name, score]) => {
      const better = values.filter((other) => other > score).length;
      const equal = values.filter((other) => other === score).length;
      return [name, { first: better + 1, last: better + equal }];
    }),
  );
}

function ranked(means: ReadonlyMap<string, number>, rounds: readonly ReadonlyMap<string, Places>[]): RankedVariant[] {
  const variants = [...means].map(([variant, mean]) => {
    const ranks = new Array<number>(means.size).fill(0);
    let sum = 0;
    for (const round of rounds) {
      const places = round.get(variant)!;
      sum += mid(places);
      const share = 1 / (places.last - places.first + 1);
      for (let place = places.first; place <= places.last; place++) ranks[place - 1]! += share;
    }
    return { variant, mean, meanRank: sum / rounds.length, ranks: ranks.map((count) => count / rounds.length) };
  });
  return variants.sort((a, b) => a.meanRank - b.meanRank || b.mean - a.mean);
}
