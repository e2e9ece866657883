import type { Plans, RawDataset } from "@nnunet/core";
import type { Choice, PostprocessingTrial, ReportData } from "@nnunet/report";
import type { Folders } from "../folders.ts";
import { nameOfCandidate } from "../selection/inference-information.ts";
import { meanDice } from "./candidate-scores.ts";
import type { FoldResult } from "./fold-results.ts";
import { highestMean } from "./highest-mean.ts";
import { type ScoredCandidate, scoredConfigurations, scoredEnsemble } from "./scored-candidates.ts";
import { readSelection } from "./selection-record.ts";

/** What was chosen, beside what, and why. */
export interface ReportedChoice {
  readonly candidates: readonly ScoredCandidate[];
  readonly best: ScoredCandidate;
  readonly choice: Choice;
  /** Whose scores those of the best are. */
  readonly shows: NonNullable<ReportData["scores"]>["shows"];
  readonly postprocessing: readonly PostprocessingTrial[];
  readonly warnings: readonly string[];
}

/** Scores beyond this are not the ones that were compared. */
const same = 1e-9;

/**
 * The choice of the selection, with all that it compared; where there was none, or what it compared has changed since, the
 * configuration with the highest mean.
 *
 * @returns undefined where nothing is scored
 */
export async function reportedChoice(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  folds: readonly FoldResult[],
  labels: readonly { readonly key: string; readonly name: string }[],
): Promise<ReportedChoice | undefined> {
  const keys = labels.map(({ key }) => key);
  const names = new Map(labels.map(({ key, name }) => [key, name]));
  const selection = await readSelection(folders, dataset, plans, names);
  if (selection !== undefined) {
    const singles = scoredConfigurations(folds, selection.folds);
    const candidates: ScoredCandidate[] = [];
    for (const { configurations, dice } of selection.ranking) {
      const found =
        configurations.length === 1
          ? singles.find((single) => single.configurations[0] === configurations[0])
          : await scoredEnsemble(folders, dataset, plans, configurations, singles);
      if (found && Math.abs(meanDice(found, keys) - dice) < same) candidates.push(found);
    }
    const best = candidates[0];
    if (best !== undefined && candidates.length === selection.ranking.length) {
      const { choice, trials } = selection;
      const shows = trials.some(({ accepted }) => accepted) ? "before postprocessing" : "what is handed over";
      return { candidates, best, choice, shows, postprocessing: trials, warnings: [] };
    }
  }
  const candidates = scoredConfigurations(folds);
  const decided = highestMean(candidates, keys);
  if (decided === undefined) return undefined;
  const chosen = selection && nameOfCandidate(selection.choice.configurations);
  const warnings =
    chosen === undefined
      ? []
      : [`The selection (${chosen}) was made from other scores than lie here now: make it again.`];
  return { candidates, ...decided, shows: "one configuration", postprocessing: [], warnings };
}
