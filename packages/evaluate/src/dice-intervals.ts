import type { EvaluationSummary } from "@nnunet/core";
import { bootstrapInterval, type Interval } from "./bootstrap.ts";

/** Confidence intervals of the mean Dice of a summary, by {@link bootstrapInterval}. */
export interface DiceIntervals {
  /** 0.95 */
  readonly level: number;
  readonly foregroundMean: Interval;
  /** Keyed as the summary's `mean`. */
  readonly mean: Readonly<Record<string, Interval>>;
}

/**
 * Cases of one group (the images of a patient) are drawn together.
 *
 * @example diceIntervals(summary).foregroundMean; // { mean: 0.871, low: 0.84, high: 0.9, cases: 20 }
 */
export function diceIntervals({ cases, mean }: Pick<EvaluationSummary, "cases" | "mean">): DiceIntervals {
  const level = 0.95;
  const keys = Object.keys(mean);
  const dices = diceRows({ cases, mean });
  const groups = groupsOf({ cases });
  return {
    level,
    foregroundMean: bootstrapInterval(dices, { level, groups }),
    mean: Object.fromEntries(
      keys.map((key, label) => [
        key,
        bootstrapInterval(
          dices.map((row) => row[label]!),
          { level, groups },
        ),
      ]),
    ),
  };
}

/** The Dice of every label, case by case. */
export function diceRows({ cases, mean }: Pick<EvaluationSummary, "cases" | "mean">): number[][] {
  const keys = Object.keys(mean);
  return cases.map(({ metrics }) => keys.map((key) => metrics[key]?.dice ?? Number.NaN));
}

/** The group of each case; undefined where none has one. */
export function groupsOf({ cases }: Pick<EvaluationSummary, "cases">): (string | undefined)[] | undefined {
  return cases.some(({ group }) => group !== undefined) ? cases.map(({ group }) => group) : undefined;
}

/**
 * How many independent things the intervals of a summary are drawn from.
 *
 * @returns undefined where every case stands for itself
 */
export function groupCount(summary: Pick<EvaluationSummary, "cases">): number | undefined {
  const groups = groupsOf(summary);
  if (groups === undefined) return undefined;
  const named = groups.filter((group) => group !== undefined);
  const count = new Set(named).size + groups.length - named.length;
  return count < groups.length ? count : undefined;
}
