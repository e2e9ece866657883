import type { Plans, RawDataset } from "@nnunet/core";
import type { Fold } from "../folders.ts";
import { writtenSplits } from "../selection/cross-validation.ts";
import type { Context } from "../stages.ts";
import { hasSeenItsCases } from "../training/division.ts";
import { foldResults } from "./fold-results.ts";
import { trainingCurves } from "./training-curves.ts";

/** How far trainings of one configuration lie apart that differ by their seed alone. */
export interface SeedSpread {
  readonly configuration: string;
  /** Of each finished training: mean patch Dice of its last epoch, on patches of the cases that it was trained on. */
  readonly patchDice: readonly number[];
}

/**
 * The configurations of a plan of which two or more seeds are trained equally long; none where the splits are a
 * cross-validation.
 */
export async function seedSpreads(
  { folders }: Pick<Context, "folders">,
  dataset: RawDataset,
  plans: Plans,
): Promise<SeedSpread[]> {
  const splits = await writtenSplits(folders, dataset);
  const isSeed = (fold: Fold) => fold !== "all" && hasSeenItsCases(splits, fold);
  if (!splits?.some((_, fold) => isSeed(fold))) return []; // no scores are read for a cross-validation
  const groups = new Map<string, { readonly configuration: string; readonly patchDice: number[] }>();
  for (const { configuration, fold, isFinished, epochs } of await trainingCurves(
    await foldResults(folders, dataset, plans),
  )) {
    const last = epochs.at(-1)?.patchDice ?? null;
    if (!isFinished || !isSeed(fold) || last === null) continue;
    const key = `${configuration}, ${epochs.length} epochs`;
    if (!groups.has(key)) groups.set(key, { configuration, patchDice: [] });
    groups.get(key)!.patchDice.push(last);
  }
  return [...groups.values()].filter(({ patchDice }) => patchDice.length > 1);
}
