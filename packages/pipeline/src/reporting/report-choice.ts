import type { Plans, RawDataset } from "@nnunet/core";
import type { Choice, PostprocessingTrial, ReportData } from "@nnunet/report";
import type { Folders } from "../folders.ts";
import { nameOfCandidate } from "../selection/inference-information.ts";
import { meanDice } from "./candidate-scores.ts";
import type { FoldResult } from "./fold-results.ts";
import { highestMean } from "./highest-mean.ts";
import { type ScoredCandidate, scoredConfigurations, scoredEnsemble, scoredPredictor } from "./scored-candidates.ts";
import { readSelection } from "./selection-record.ts";

/** What was chosen, beside what, and why. */
export interface ReportedChoice {
  readonly candidates: readonly ScoredCandidate[];
  readonly best: ScoredCandidate;
  readonly choice: Choice;
  /** What is reported case by case: the best as it is handed over, where that is known. */
  readonly reported: ScoredCandidate;
  /** Whose scores those are. */
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
      const { choice, trials, after } = selection;
      const handedOver = await scoredPredictor(folders, dataset, plans, best);
      const isCurrent = handedOver && after !== undefined && Math.abs(meanDice(handedOver, keys) - after) < same;
      const isUnchanged = !trials.some(({ accepted }) => accepted);
      const shows = isCurrent || isUnchanged ? "what is handed over" : "before postprocessing";
      const reported = isCurrent ? handedOver : best;
      return { candidates, best, reported, choice, shows, postprocessing: trials, warnings: [] };
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
  const shows = "one configuration";
  return { candidates, ...decided, reported: decided.best, shows, postprocessing: [], warnings };
}
