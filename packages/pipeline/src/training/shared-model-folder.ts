import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  type Configuration,
  FileError,
  findConfiguration,
  fingerprintFromJson,
  fingerprintToJson,
  isJsonObject,
  modelDatasetToJson,
  type Plans,
  plansFromJson,
  plansToJson,
  type RawDataset,
} from "@nnunet/core";
import { lockedBy, readJson, writeJsonAtomic } from "@nnunet/core/node";
import { type Fold, type Folders, foldsAmong, preprocessedPaths, resultsPaths } from "../folders.ts";
import { contentHash, exists, readRecord, recordedHash } from "../records/made-from.ts";
import { holdsWork } from "./training-start.ts";

/**
 * Writes what any reader of a trained model needs beside its folds: the plan with the sizes that are really trained,
 * of dataset.json what prediction needs, and the fingerprint. Model folders are given away: no case is named in them,
 * nor anybody to contact.
 */
export async function describeModel(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  configurationName: string,
): Promise<void> {
  const paths = resultsPaths(folders, dataset.name, plans.plansName, configurationName);
  await writeJsonAtomic(paths.plans, plansToJson(plans));
  await writeJsonAtomic(paths.dataset, modelDatasetToJson(dataset.json));
  const fingerprint = preprocessedPaths(folders, dataset.name).fingerprint;
  if (!(await exists(fingerprint))) return;
  const { caseIds: _, ...measured } = fingerprintFromJson(await readJson(fingerprint), fingerprint);
  await writeJsonAtomic(paths.fingerprint, fingerprintToJson(measured));
}

/**
 * The trained or begun folds of a model folder that `plans` does not describe. One plans.json describes all folds of a
 * folder, and they are averaged, so they must have one network and batch size.
 *
 * @param fold - the one that is going to be trained; it is left out
 */
export async function foldsOfOtherPlans(
  paths: ReturnType<typeof resultsPaths>,
  plans: Plans,
  configurationName: string,
  fold: Fold,
): Promise<{ readonly folds: readonly string[]; readonly plans: Plans } | undefined> {
  if (!(await exists(paths.plans))) return undefined;
  const folds: string[] = [];
  for (const name of (await readdir(paths.folder)).sort()) {
    if (!name.startsWith("fold_") || name === `fold_${fold}`) continue;
    const { folder, model, madeFrom, ...checkpoints } = paths.fold(name.slice("fold_".length) as Fold);
    const { checkpoint, latestCheckpoint, bestCheckpoint } = checkpoints;
    const kept = [model, checkpoint, latestCheckpoint, bestCheckpoint];
    const holdsWork = (await Promise.all(kept.map(exists))).includes(true);
    // One that another process has just begun has a record and a lock only.
    const isRunning = async () => (await recordedHash(madeFrom, "network")) !== undefined && (await lockedBy(folder));
    if (holdsWork || (await isRunning())) folds.push(name);
  }
  if (folds.length === 0) return undefined;
  const before = plansFromJson(await readJson(paths.plans), paths.plans);
  const same = isDeepStrictEqual(
    before.configurations[configurationName],
    plansFromJson(JSON.parse(JSON.stringify(plansToJson(plans))), paths.plans).configurations[configurationName],
  );
  return same ? undefined : { folds, plans: before };
}

/**
 * The folds of a model folder are averaged, and their scores are. A fold that is begun follows the recipe of those beside it.
 *
 * @param recipe - of {@link recipeOf}; folds may differ by seed
 * @throws {FileError} naming the option, its two values, and where another recipe has its place
 */
export async function refuseOtherRecipe(
  paths: ReturnType<typeof resultsPaths>,
  dataset: RawDataset,
  fold: Fold,
  recipe: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (fold === "all") return;
  for (const other of foldsAmong(await readdir(paths.folder).catch(() => []))) {
    if (other === fold || other === "all") continue;
    const { folder, madeFrom } = paths.fold(other);
    const { recipe: begun, remark } = await readRecord(madeFrom);
    if (!isJsonObject(begun) || remark !== undefined || !(await holdsWork(folder))) continue;
    const key = Object.keys(recipe).find(
      (name) => name !== "seed" && contentHash(recipe[name]) !== contentHash(begun[name]),
    );
    if (key === undefined) continue;
    const was = begun[key] === undefined ? `no \`${key}\`` : `\`${key}\` ${JSON.stringify(begun[key])}`;
    const now = recipe[key] === undefined ? "without it" : JSON.stringify(recipe[key]);
    const give = begun[key] === undefined ? `leave \`${key}\` out` : `give ${was}`;
    throw new FileError(
      paths.folder,
      `holds fold_${other}, trained with ${was}, not ${now}; the folds of a folder are averaged: ${give}, or plan a variant of another name (\`plan(${dataset.id}, { variant })\`)`,
    );
  }
}

/**
 * Python nnU-Net's results have the same layout and names as ours; nothing of ours goes among them.
 *
 * @throws {FileError} if a fold of the model folder holds checkpoints of another tool
 */
export async function refuseForeignTrainings(modelFolder: string): Promise<void> {
  const names = await readdir(modelFolder).catch(() => []);
  for (const name of names.filter((each) => each.startsWith("fold_"))) {
    const files = await readdir(join(modelFolder, name)).catch(() => []);
    const checkpoint = files.find((file) => /\.(pth|model)$/.test(file));
    if (checkpoint === undefined) continue;
    const problem = `holds a training of another tool (${checkpoint})`;
    throw new FileError(
      join(modelFolder, name),
      `${problem}; nothing of it is replaced: choose another results folder`,
    );
  }
}

/** @throws {FileError} which folder, which value, and what to do */
export function refuseOtherPlans(
  folder: string,
  configurationName: string,
  trained: { readonly folds: readonly string[]; readonly plans: Plans },
  plans: Plans,
): never {
  const asked = findConfiguration(plans, configurationName);
  const before = trained.plans.configurations[configurationName];
  const differing = before ? sizesThatDiffer(before, asked) : [];
  const [what, instead] =
    differing.length > 0
      ? [
          `trained with ${differing.map(({ option, was, now }) => `${option} ${was}, not ${now}`).join(" and ")}`,
          `give ${differing.map(({ option, was }) => `${option} ${was}`).join(" ")}`,
        ]
      : ["trained with another plan", "train with that plan"];
  throw new FileError(
    folder,
    `holds ${trained.folds.join(", ")}, ${what}; one plans.json describes all folds of a folder: ${instead}, or another folder of \`results\``,
  );
}

function sizesThatDiffer(before: Configuration, asked: Configuration) {
  return [
    {
      option: "`baseFeatures`",
      was: before.architecture.featuresPerStage[0]!,
      now: asked.architecture.featuresPerStage[0]!,
    },
    { option: "`batchSize`", was: before.batchSize, now: asked.batchSize },
  ].filter(({ was, now }) => was !== now);
}
