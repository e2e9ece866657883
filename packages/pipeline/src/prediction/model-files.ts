import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError, type RawDataset } from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";
import { type Fold, type Folders, modelFolderPaths, resultsPaths, TRAINER_NAME } from "../folders.ts";
import { exists } from "../records/made-from.ts";

/**
 * The model files behind a path: a file itself, `model.onnx` of a fold's folder, or one per trained fold of a model
 * folder.
 *
 * @param folds - of a model folder; all that are trained if left out
 * @throws {FileError} if there is none, or a fold that was asked for is not trained
 */
export async function modelFiles(path: string, folds?: readonly Fold[]): Promise<string[]> {
  const found = await stat(path).catch((error) => {
    throw describeFileError(path, "there is no model", error);
  });
  if (!found.isDirectory()) return [path];
  const own = join(path, "model.onnx");
  if (await exists(own)) return [own];
  const names = await readdir(path);
  const trained: string[] = [];
  for (const name of folds?.map((fold) => `fold_${fold}`) ?? names.filter((n) => n.startsWith("fold_")).sort()) {
    const { model } = modelFolderPaths(path).fold(name.slice("fold_".length) as Fold);
    if (await exists(model)) trained.push(model);
    else if (folds) throw new FileError(model, `missing; train ${name.replace("_", " ")} first, or leave it out`);
  }
  if (trained.length > 0) return trained;
  const deeper = await modelFoldersBelow(path, names);
  const listed = `${deeper.slice(0, 2).join(", ")}${deeper.length > 2 ? ", …" : ""}`;
  throw new FileError(
    path,
    deeper.length > 0
      ? `models lie deeper: name one of its ${deeper.length} model folder${deeper.length === 1 ? "" : "s"}: ${listed}`
      : "no model.onnx and no trained fold in it; train first, or name the model file",
  );
}

/** Folders such as `nnUNetTrainer__nnUNetPlans__3d_fullres` in a dataset's results, or in `nnUNet_results`. */
async function modelFoldersBelow(path: string, names: readonly string[]): Promise<string[]> {
  const isModel = (name: string) => name.split("__").length === 3;
  const found = names.filter(isModel).map((name) => join(path, name));
  for (const dataset of names.filter((name) => /^Dataset\d{3,}_/.test(name))) {
    const inside = await readdir(join(path, dataset)).catch(() => []);
    found.push(...inside.filter(isModel).map((name) => join(path, dataset, name)));
  }
  return found.sort();
}

/**
 * The folder of a dataset's trainings of one configuration.
 *
 * @param plansName - may be left out where only one plan was trained
 * @throws {FileError} if nothing was trained, or several plans were and none is named
 */
export async function findModelFolder(
  folders: Folders,
  dataset: RawDataset,
  configuration: string,
  plansName?: string,
): Promise<string> {
  if (plansName !== undefined) return resultsPaths(folders, dataset.name, plansName, configuration).folder;
  const root = join(folders.results, dataset.name);
  const trained = (await readdir(root).catch(() => [])).filter((name) => {
    const parts = name.split("__");
    return parts.length === 3 && parts[0] === TRAINER_NAME && parts[2] === configuration;
  });
  if (trained.length === 1) return join(root, trained[0]!);
  throw new FileError(
    root,
    trained.length === 0
      ? `${configuration} of ${dataset.name} is not trained; run "nnunet train ${dataset.id} ${configuration} 0" first`
      : `${configuration} was trained with several plans; choose one of ${trained.map((n) => n.split("__")[1]).join(", ")} by --plans`,
  );
}
