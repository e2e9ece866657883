import { listed } from "@nnunet/core";
import type { Choice } from "@nnunet/report";
import { nameOfCandidate } from "../selection/inference-information.ts";
import { meanDice } from "./candidate-scores.ts";
import type { ScoredCandidate } from "./scored-candidates.ts";

/**
 * What stands for the choice as long as nothing has been selected: of the configurations with the most validated cases the
 * one with the highest mean Dice, of equals the first.
 */
export function highestMean(
  candidates: readonly ScoredCandidate[],
  keys: readonly string[],
): { readonly best: ScoredCandidate; readonly choice: Choice } | undefined {
  const most = Math.max(...candidates.map(({ cases }) => cases.length));
  const complete = candidates.filter(({ cases }) => cases.length === most);
  const [best] = [...complete].sort((a, b) => meanDice(b, keys) - meanDice(a, keys));
  if (best === undefined) return undefined;
  const name = nameOfCandidate(best.configurations);
  const among = listed(complete.map(({ configurations }) => nameOfCandidate(configurations)));
  const reason =
    candidates.length === 1
      ? `${name} is the only configuration that is trained and validated.`
      : complete.length === 1
        ? `Only ${name} has been validated on ${most} cases; the others on fewer.`
        : `${name} has the highest mean Dice of ${among}.`;
  const choice: Choice = {
    configurations: best.configurations,
    by: "highest mean",
    reasons: [reason, "No selection has been made yet: it compares ensembles too, and decides postprocessing."],
    notCompared: [],
  };
  return { best, choice };
}
