import { isJsonObject, listed } from "@nnunet/core";
import { readRecord } from "../records/made-from.ts";
import type { FoldResult } from "./fold-results.ts";

/** How the folds were trained, one sentence for those alike. The seed is left out: it is no choice between methods. */
export async function trainedRecipes(folds: readonly FoldResult[]): Promise<string[]> {
  const alike = new Map<string, string[]>();
  for (const { configuration, fold, paths } of folds) {
    const { recipe } = await readRecord(paths.madeFrom);
    if (!isJsonObject(recipe)) continue;
    const { seed: _, ...settings } = recipe;
    const told = shownRecipe(settings);
    alike.set(told, [...(alike.get(told) ?? []), `${configuration} fold ${fold}`]);
  }
  return [...alike].map(([settings, names]) => `${listed(names)}: ${settings}`);
}

/**
 * Settings as a sentence.
 *
 * @example shownRecipe({ epochs: 8, optimiser: { name: "sgd", momentum: 0.9 } }); // "epochs 8, optimiser sgd (momentum 0.9)"
 */
export function shownRecipe(settings: Readonly<Record<string, unknown>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${shownValue(value)}`)
    .join(", ");
}

function shownValue(value: unknown): string {
  if (!isJsonObject(value)) return String(value);
  const { name, ...options } = value;
  const told = shownRecipe(options);
  return [...(name === undefined ? [] : [String(name)]), ...(told === "" ? [] : [`(${told})`])].join(" ");
}
