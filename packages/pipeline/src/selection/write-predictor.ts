import { readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  FileError,
  isJsonObject,
  type ModelDataset,
  modelDatasetToJson,
  type Plans,
  plansFromJson,
  plansToJson,
} from "@nnunet/core";
import { exists, makeFolder, readJson, temporaryBeside, writeJsonAtomic } from "@nnunet/core/node";
import { fileSha256 } from "@nnunet/preprocess";
import { modelFolderPaths, predictorPaths } from "../folders.ts";
import { descriptionToJson, type PredictorDescription, predictorFormat } from "../prediction/predictor-description.ts";
import { exportModel } from "../steps/export-model.ts";
import { setAside } from "../training/set-aside.ts";

/** What goes into a final predictor. */
export interface PredictorParts {
  readonly dataset: ModelDataset;
  readonly plans: Plans;
  readonly members: readonly {
    readonly configuration: string;
    readonly modelFolder: string;
    readonly folds: readonly number[];
  }[];
  readonly postprocessing: unknown;
  readonly information: unknown;
  readonly description: Omit<PredictorDescription, "members" | "files">;
}

/**
 * Writes the folder of a final predictor: everything that prediction needs, with the hash of every file, so that it can
 * be moved and given away. It is made under a temporary name and renamed when it is whole.
 *
 * @returns where an earlier predictor that had been changed by hand lies now, if there was one
 * @throws {FileError} if the folder holds something else than a predictor, or cannot be written; what was there stays
 */
export async function writePredictor(folder: string, parts: PredictorParts): Promise<string | undefined> {
  await refuseOtherFolder(folder);
  const temporary = temporaryBeside(folder);
  const paths = predictorPaths(temporary);
  try {
    await makeFolder(temporary);
    const configurations = { ...parts.plans.configurations };
    for (const { configuration, modelFolder, folds } of parts.members) {
      await exportModel(modelFolder, configuration, folds, paths.model(configuration));
      // With the sizes that were really trained.
      const trained = modelFolderPaths(modelFolder).plans;
      configurations[configuration] = plansFromJson(await readJson(trained), trained).configurations[configuration]!;
    }
    await writeJsonAtomic(paths.plans, plansToJson({ ...parts.plans, configurations }));
    await writeJsonAtomic(paths.dataset, modelDatasetToJson(parts.dataset));
    await writeJsonAtomic(paths.postprocessing, parts.postprocessing);
    await writeJsonAtomic(paths.information, parts.information);
    const files: Record<string, string> = {};
    for (const name of (await readdir(temporary)).sort()) files[name] = await fileSha256(join(temporary, name));
    const members = parts.members.map(({ configuration, folds }) => ({
      configuration,
      folds,
      file: basename(paths.model(configuration)),
    }));
    await writeJsonAtomic(paths.description, descriptionToJson({ ...parts.description, members, files }));
    return await replace(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

/** Whether a folder holds a predictor of which no file has changed since it was written. */
export async function isIntactPredictor(folder: string): Promise<boolean> {
  const { description } = predictorPaths(folder);
  const json = await readJson(description).catch(() => undefined);
  const files = isJsonObject(json) ? json["files"] : undefined;
  if (!isJsonObject(files)) return false;
  const there = (await readdir(folder)).filter((name) => name !== basename(description));
  if (there.sort().join("\n") !== Object.keys(files).sort().join("\n")) return false;
  for (const name of there) if ((await fileSha256(join(folder, name)).catch(() => "")) !== files[name]) return false;
  return true;
}

async function refuseOtherFolder(folder: string): Promise<void> {
  if (!(await exists(folder))) return;
  const names = await readdir(folder).catch(() => undefined);
  if (names?.length === 0) return;
  const json = names && (await readJson(predictorPaths(folder).description).catch(() => undefined));
  if (isJsonObject(json) && json["format"] === predictorFormat) return;
  throw new FileError(
    folder,
    "holds something else than a final predictor, which is never replaced; choose another output",
  );
}

/** Puts the new folder in the place of the old one; what somebody has changed in that is kept beside it. */
async function replace(temporary: string, folder: string): Promise<string | undefined> {
  if (!(await exists(folder))) {
    await rename(temporary, folder);
    return undefined;
  }
  const isOurs = (await readdir(folder)).length === 0 || (await isIntactPredictor(folder));
  const aside = await setAside(folder);
  try {
    await rename(temporary, folder);
  } catch (error) {
    await aside.restore();
    throw error;
  }
  if (!isOurs) return aside.path;
  await aside.remove();
  return undefined;
}
