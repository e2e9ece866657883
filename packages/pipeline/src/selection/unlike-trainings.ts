import { isJsonObject, listed } from "@nnunet/core";
import { modelFolderPaths } from "../folders.ts";
import { readRecord } from "../records/made-from.ts";
import type { ValidatedConfiguration } from "./cross-validation.ts";

type Recipe = Readonly<Record<string, unknown>>;

/**
 * What must be known where trainings that are pooled, or compared, were not of one kind: folds of a configuration that were
 * trained with other options than its other folds, and configurations that were not trained equally long.
 *
 * @returns one sentence each; a training of an earlier version, which recorded no options, is passed over
 */
export async function unlikeTrainings(
  configurations: readonly Pick<ValidatedConfiguration, "configuration" | "modelFolder" | "folds">[],
): Promise<string[]> {
  const found: string[] = [];
  const lengths = new Map<string, number>();
  for (const { configuration, modelFolder, folds } of configurations) {
    const recipes = await recipesOf(modelFolder, folds);
    const [first, ...others] = recipes;
    if (!first) continue;
    const unlike = others.filter(({ recipe }) => differing(first.recipe, recipe).length > 0);
    for (const { fold, recipe } of unlike) {
      const keys = differing(first.recipe, recipe);
      const told = (of: Recipe) => keys.map((key) => `${key} ${shown(of[key])}`).join(", ");
      found.push(
        `fold ${fold} of ${configuration} was trained with other options than fold ${first.fold} (${told(recipe)} instead of ${told(first.recipe)}), so that the mean of the folds is the score of no training; train it again with the same`,
      );
    }
    const steps = stepsOf(first.recipe);
    if (steps !== undefined && unlike.length === 0) lengths.set(configuration, steps);
  }
  if (new Set(lengths.values()).size > 1) {
    const each = [...lengths].map(([name, steps]) => `${name} for ${steps.toLocaleString("en")} steps`);
    found.push(
      `the configurations were not trained equally long (${listed(each)}): which of them is better may be a question of that`,
    );
  }
  return found;
}

async function recipesOf(modelFolder: string, folds: readonly number[]) {
  const recipes: { readonly fold: number; readonly recipe: Recipe }[] = [];
  for (const fold of folds) {
    const { recipe } = await readRecord(modelFolderPaths(modelFolder).fold(fold).madeFrom);
    if (isJsonObject(recipe)) recipes.push({ fold, recipe });
  }
  return recipes;
}

const differing = (a: Recipe, b: Recipe): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]),
  );

const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value ?? null));

function stepsOf({ epochs, iterationsPerEpoch }: Recipe): number | undefined {
  return typeof epochs === "number" && typeof iterationsPerEpoch === "number" ? epochs * iterationsPerEpoch : undefined;
}
