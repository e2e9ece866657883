import { certaintyOf } from "@nnunet/evaluate";
import type { BestPredictor } from "@nnunet/pipeline";
import { textTable } from "./text-table.ts";

/** All that was compared, best first. */
export function rankingTable({ ranking }: Pick<BestPredictor, "ranking">): string[] {
  const decimals = (value: number) => (Number.isNaN(value) ? "–" : value.toFixed(4));
  return textTable(
    ["compared, before postprocessing", "mean Dice", "95 % interval", "behind the best"],
    ranking.map(({ configurations, score, interval: { low, high }, behindBest }, i) => [
      configurations.join(" + "),
      decimals(score),
      Number.isNaN(low) ? "–" : `${decimals(low)} to ${decimals(high)}`,
      i === 0
        ? ""
        : certaintyOf(behindBest) === "too few cases"
          ? "too few cases to tell"
          : `${Math.round(100 * behindBest)} %`,
    ]),
  );
}
