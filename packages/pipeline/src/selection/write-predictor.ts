import { readdir, rm } from "node:fs/promises";
import { basename } from "node:path";
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
import { type Fold, modelFolderPaths, predictorPaths } from "../folders.ts";
import { descriptionToJson, type PredictorDescription, predictorFormat } from "../prediction/predictor-description.ts";
import { hashesIn, holdsExactly, replaceFolder } from "../records/whole-folder.ts";
import { exportModel } from "../steps/export-model.ts";

/** What goes into a final predictor. */
export interface PredictorParts {
  readonly dataset: ModelDataset;
  readonly plans: Plans;
  readonly members: readonly {
    readonly configuration: string;
    readonly modelFolder: string;
    readonly folds: readonly Fold[];
  }[];
  /** As the postprocessor stage writes it; undefined where none was decided. */
  readonly postprocessing: unknown;
  readonly information: unknown;
  /** Whether the predictor that is there, if one is, stays beside this one, also where nobody has changed it. */
  readonly keepEarlier: boolean;
  readonly description: Omit<PredictorDescription, "members" | "files">;
}

/**
 * Writes the folder of a final predictor: everything that prediction needs, with the hash of every file, so that it can
 * be moved and given away. It is made under a temporary name and renamed when it is whole.
 *
 * @returns where an earlier predictor lies now that is to be kept, or had been changed by hand
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
    if (parts.postprocessing !== undefined) await writeJsonAtomic(paths.postprocessing, parts.postprocessing);
    await writeJsonAtomic(paths.information, parts.information);
    const files = await hashesIn(temporary);
    const members = parts.members.map(({ configuration, folds }) => ({
      configuration,
      folds,
      file: basename(paths.model(configuration)),
    }));
    await writeJsonAtomic(paths.description, descriptionToJson({ ...parts.description, members, files }));
    return await replaceFolder(temporary, folder, parts.keepEarlier || !(await isReplaceable(folder)));
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
  return isJsonObject(files) && holdsExactly(folder, files, basename(description));
}

/** An empty folder, or a predictor as it was written. */
async function isReplaceable(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).length === 0 || (await isIntactPredictor(folder));
}

/** @throws {FileError} if a folder holds something else than a final predictor */
export async function refuseOtherFolder(folder: string): Promise<void> {
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
