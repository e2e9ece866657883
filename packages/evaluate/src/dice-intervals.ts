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
 * @example diceIntervals(summary).foregroundMean; // { mean: 0.871, low: 0.84, high: 0.9, cases: 20 }
 */
export function diceIntervals({ cases, mean }: Pick<EvaluationSummary, "cases" | "mean">): DiceIntervals {
  const level = 0.95;
  const keys = Object.keys(mean);
  const dices = diceRows({ cases, mean });
  return {
    level,
    foregroundMean: bootstrapInterval(dices, { level }),
    mean: Object.fromEntries(
      keys.map((key, label) => [
        key,
        bootstrapInterval(
          dices.map((row) => row[label]!),
          { level },
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
