import { listed } from "@nnunet/core";
import { bootstrapInterval } from "@nnunet/evaluate";
import type { Choice } from "@nnunet/report";
import type { ScoredCandidate } from "./candidate-scores.ts";

/**
 * What stands for the choice as long as `find-best` has not decided: of the configurations with the most validated cases the
 * one with the highest mean Dice, of equals the first.
 */
export function highestMean(
  candidates: readonly ScoredCandidate[],
): { readonly best: ScoredCandidate; readonly choice: Choice } | undefined {
  const most = Math.max(...candidates.map(({ dices }) => dices.size));
  const complete = candidates.filter(({ dices }) => dices.size === most);
  const mean = ({ dices }: ScoredCandidate) => bootstrapInterval([...dices.values()], { samples: 1 }).mean;
  const [best] = [...complete].sort((a, b) => mean(b) - mean(a));
  if (best === undefined) return undefined;
  const name = best.configurations.join(" + ");
  const reason =
    candidates.length === 1
      ? `${name} is the only configuration that is trained and validated.`
      : complete.length === 1
        ? `Only ${name} has been validated on ${most} cases; the others on fewer.`
        : `${name} has the highest mean Dice of ${listed(complete.map(({ configurations }) => configurations.join(" + ")))}.`;
  const choice: Choice = {
    configurations: best.configurations,
    by: "highest mean",
    reasons: [reason, "No selection has been made yet: it compares ensembles too, and decides postprocessing."],
    notCompared: [],
  };
  return { best, choice };
}
