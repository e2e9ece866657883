import { createRandom, InvalidArgumentError, percentile } from "@nnunet/core";
import { fewestForInterval, fewestToCompare } from "./certainty.ts";

/** One score of a case, or one per label or region in the same order for every case; NaN where it is not defined. */
export type CaseScores = number | readonly number[];

export interface BootstrapOptions {
  /** Which resamples are drawn; 0 by default. */
  readonly seed?: number;
  /** How many resamples; 1000 by default. */
  readonly samples?: number;
  /**
   * Of each case: the images of a patient, or annotations of one image, are no independent cases, and are drawn together. One
   * without a group is a group by itself.
   */
  readonly groups?: readonly (string | undefined)[] | undefined;
}

/** A mean with the interval in which it would likely lie, had other cases of the same kind been scored. */
export interface Interval {
  /** Over all cases. */
  readonly mean: number;
  /** NaN where fewer than {@link fewestForInterval} cases, or groups of them, have a score: so few say nothing of others. */
  readonly low: number;
  readonly high: number;
  /** With at least one score. */
  readonly cases: number;
}

/**
 * The mean score and its confidence interval by the percentile bootstrap over cases, or over groups of cases.
 *
 * Cases (with `groups` whole groups of them) are drawn with replacement, as many as there are; a case keeps the scores of all its labels. The mean is that of
 * `summary.json`: per label over the cases where it is defined, then over the labels that any case has. Cases without any
 * score (NaN) are left out. An infinite score (a distance to a label that was not found) makes mean and interval infinite.
 *
 * The interval is that of the cases, not of the training: other weights of the same network are not drawn. From few cases
 * it comes out too narrow: of normal scores a nominal 95 % covered the truth in 84 % of trials with 5 cases, 89 % with 10,
 * 92 % with 20, 93 % with 50; of scores as skewed as Dice often is in 78, 85, 90 and 93 %.
 *
 * @param cases - any number; the same number and seed draw the same cases, so that two lists can be compared pair by pair
 * @param options.level - in (0, 1); 0.95 by default
 * @throws {InvalidArgumentError} if level or samples are outside their domain, or two cases differ in their number of labels
 * @example bootstrapInterval([0.9, 0.8, 0.85, 0.7, 0.88]); // { mean: 0.826, low: 0.76, high: 0.88, cases: 5 }
 * @see Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13
 */
export function bootstrapInterval(
  cases: readonly CaseScores[],
  { level = 0.95, ...options }: BootstrapOptions & { readonly level?: number } = {},
): Interval {
  if (!(level > 0 && level < 1)) throw new InvalidArgumentError("level", "a number in (0, 1), such as 0.95", level);
  const { rows, clusters } = scoredRows(cases.map(asRow), options.groups);
  const mean = meanScore(rows, Int32Array.from(rows.keys()));
  if (clusters.length < fewestForInterval) return { mean, low: Number.NaN, high: Number.NaN, cases: rows.length };
  const means = resampledMeans(rows, clusters, options).sort();
  const tail = (1 - level) / 2;
  return { mean, low: percentile(means, tail), high: percentile(means, 1 - tail), cases: rows.length };
}

/** What becomes of several lists of scores of the same cases when the same of them are drawn anew. */
export interface Resampled {
  /** That have a score in every list. */
  readonly cases: number;
  /** Of them: those that are drawn, single cases or groups. */
  readonly independentCases: number;
  /** Each with its mean over those cases, and over each resample of them. */
  readonly lists: readonly { readonly mean: number; readonly means: Float64Array }[];
}

/**
 * Draws the cases that have a score in every list, the same for all of them, so that means can be compared pair by pair.
 *
 * @param lists - one or more, of the same cases in the same order
 */
export function resampledTogether(
  lists: readonly (readonly CaseScores[])[],
  options: BootstrapOptions = {},
): Resampled {
  const all = lists.map((scores) => scores.map(asRow));
  const isScored = all[0]!.map((_, i) => all.every((rows) => hasScore(rows[i]!)));
  const inAll = <T>(list: readonly T[]) => list.filter((_, i) => isScored[i]);
  const groups = options.groups && inAll(options.groups);
  const scored = all.map((rows) => scoredRows(inAll(rows), groups));
  const { rows: common, clusters } = scored[0]!;
  return {
    cases: common.length,
    independentCases: clusters.length,
    lists: scored.map(({ rows }) => ({
      mean: meanScore(rows, Int32Array.from(rows.keys())),
      means: resampledMeans(rows, clusters, options),
    })),
  };
}

/**
 * The share of resamples in which the first list has the higher mean: near 1 it is better whichever cases are looked at,
 * near 0.5 nobody can tell. Equal means count half. Of fewer than {@link fewestToCompare} cases, or groups of them, it says
 * nothing, however large it is.
 *
 * @param first - scores per case, as of {@link bootstrapInterval}
 * @param second - of the same cases in the same order
 * @returns 0 to 1; NaN if too few cases have a score in both
 * @throws {InvalidArgumentError} if the two lists differ in length
 * @example bootstrapSuperiority([0.9, 0.8, 0.85, …], [0.89, 0.79, 0.86, …]); // 0.745
 * @see Wiesenfarth et al. 2021, Scientific Reports 11:2369 (ranking by bootstrap)
 */
export function bootstrapSuperiority(
  first: readonly CaseScores[],
  second: readonly CaseScores[],
  options: BootstrapOptions = {},
): number {
  if (first.length !== second.length) {
    throw new InvalidArgumentError("second", `scores of the same ${first.length} cases`, second.length);
  }
  const { independentCases, lists } = resampledTogether([first, second], options);
  if (independentCases < fewestToCompare) return Number.NaN;
  const [means, others] = lists.map((list) => list.means);
  const wins = means!.reduce((sum, mean, k) => sum + (mean > others![k]! ? 1 : mean === others![k]! ? 0.5 : 0), 0);
  return wins / means!.length;
}

const asRow = (scores: CaseScores): readonly number[] => (typeof scores === "number" ? [scores] : scores);
const hasScore = (row: readonly number[]) => row.some((score) => !Number.isNaN(score));

type Rows = readonly (readonly number[])[];

/** Cases with at least one score, and which of them are drawn together, as indices. */
function scoredRows(
  all: Rows,
  groups?: readonly (string | undefined)[],
): { readonly rows: Rows; readonly clusters: readonly (readonly number[])[] } {
  if (groups && groups.length !== all.length) {
    throw new InvalidArgumentError("groups", `one for each of the ${all.length} cases`, groups.length);
  }
  const labels = all[0]?.length ?? 0;
  const rows: (readonly number[])[] = [];
  const clusters = new Map<string | number, number[]>();
  for (const [i, row] of all.entries()) {
    if (row.length !== labels) throw new InvalidArgumentError("cases", `${labels} scores for every case`, row);
    if (!hasScore(row)) continue;
    const key = groups?.[i] ?? i;
    clusters.set(key, [...(clusters.get(key) ?? []), rows.length]);
    rows.push(row);
  }
  return { rows, clusters: [...clusters.values()] };
}

function resampledMeans(
  rows: Rows,
  clusters: readonly (readonly number[])[],
  { seed = 0, samples = 1000 }: BootstrapOptions,
): Float64Array {
  if (!(Number.isInteger(samples) && samples > 0)) {
    throw new InvalidArgumentError("samples", "a positive integer", samples);
  }
  const random = createRandom(seed, "bootstrap", clusters.length);
  const largest = Math.max(...clusters.map(({ length }) => length));
  const drawn = new Int32Array(clusters.length * largest);
  return Float64Array.from({ length: samples }, () => {
    let count = 0;
    for (let i = 0; i < clusters.length; i++) {
      for (const row of clusters[random.integer(0, clusters.length)]!) drawn[count++] = row;
    }
    return meanScore(rows, drawn.subarray(0, count));
  });
}

/** Mean over labels of the means over the drawn cases; undefined scores, and labels without any, are left out. */
function meanScore(rows: Rows, drawn: Int32Array): number {
  const labels = rows[0]?.length ?? 0;
  let total = 0;
  let defined = 0;
  for (let label = 0; label < labels; label++) {
    let sum = 0;
    let count = 0;
    for (let k = 0; k < drawn.length; k++) {
      const score = rows[drawn[k]!]![label]!;
      if (Number.isNaN(score)) continue;
      sum += score;
      count++;
    }
    if (count === 0) continue;
    total += sum / count;
    defined++;
  }
  return total / defined;
}
