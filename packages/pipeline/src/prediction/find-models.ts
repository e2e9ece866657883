import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError, InvalidArgumentError, type RawDataset, type StageOptions } from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";
import {
  finalPredictorFolder,
  type Fold,
  type Folders,
  foldsAmong,
  modelFolderPaths,
  PREDICTOR_NAME,
  resultsPaths,
  TRAINER_NAME,
} from "../folders.ts";
import { exists, readRecord } from "../records/made-from.ts";
import { refusePartOfPredictor } from "./part-of-predictor.ts";

/**
 * The model files behind a path: a file itself, `model.onnx` of a fold's folder, or one per trained fold of a model
 * folder. What of a model folder is left out is told.
 *
 * @param folds - of a model folder; without, the trained folds of the cross-validation, or the one other fold where
 *   there is none: `fold_all` has seen every case, and a fold whose cases were divided at random is none of the
 *   cross-validation, so that they are never averaged with its folds unless asked for
 * @throws {FileError} if there is none, or a fold that was asked for is not trained
 * @throws {InvalidArgumentError} if a fold is asked for twice, or of something that is no model folder
 */
export async function modelFiles(
  path: string,
  folds?: readonly Fold[],
  { onEvent }: Pick<StageOptions, "onEvent"> = {},
): Promise<string[]> {
  const found = await stat(path).catch((error) => {
    throw describeFileError(path, "there is no model", error);
  });
  if (found.isDirectory()) await refusePartOfPredictor(path);
  const own = found.isDirectory() ? join(path, "model.onnx") : path;
  if (folds) return askedModels(path, folds, (await exists(own)) ? own : undefined);
  if (await exists(own)) return [own];
  const names = await readdir(path);
  const modelOf = (fold: Fold) => modelFolderPaths(path).fold(fold).model;
  const trained: Fold[] = [];
  const unfinished: Fold[] = [];
  for (const fold of foldsAmong(names)) ((await exists(modelOf(fold))) ? trained : unfinished).push(fold);
  const random: Fold[] = [];
  for (const fold of trained) if (await isDividedAtRandom(path, fold)) random.push(fold);
  const numbered = trained.filter((fold) => fold !== "all" && !random.includes(fold));
  const say = (text: string) => onEvent?.({ type: "message", stage: "predict", level: "info", text });
  if (trained.length > 0 && unfinished.length > 0) {
    say(`not trained to the end, so left out: ${unfinished.map((fold) => `fold ${fold}`).join(", ")}`);
  }
  if (numbered.length > 0) {
    for (const fold of random) {
      say(
        `fold ${fold} was divided at random and is left out beside the folds of the cross-validation; ask for it by name`,
      );
    }
  }
  if (numbered.length > 0 && trained.includes("all")) {
    say("fold all has seen every case and is left out beside the folds of the cross-validation; ask for it by name");
  }
  if (numbered.length > 0) return numbered.map(modelOf);
  if (trained.length > 1) {
    throw new FileError(
      path,
      `no fold of the cross-validation is trained, only folds ${trained.join(", ")}; name those that you want`,
    );
  }
  if (trained.length > 0) return trained.map(modelOf);
  const [predictor] = await foldersBelow(path, names, (name) => name.startsWith(`${PREDICTOR_NAME}__`));
  const deeper = await foldersBelow(path, names, (name) => name.split("__").length === 3);
  const listed = `${deeper.slice(0, 2).join(", ")}${deeper.length > 2 ? ", …" : ""}`;
  const chosen = predictor === undefined ? "" : `the final predictor ${predictor}, or `;
  throw new FileError(
    path,
    deeper.length > 0
      ? `models lie deeper: name ${chosen}one of its ${deeper.length} model folder${deeper.length === 1 ? "" : "s"}: ${listed}`
      : "no model.onnx and no trained fold in it; train first, or name the model file",
  );
}

/** Whether a fold is none of splits_final.json, but was divided at random by `randomSplit`: its record tells. */
async function isDividedAtRandom(path: string, fold: Fold): Promise<boolean> {
  if (fold === "all") return false;
  return (await readRecord(modelFolderPaths(path).fold(fold).madeFrom))["remark"] !== undefined;
}

/** The folds that a user named, of a folder that holds more than one model. */
async function askedModels(path: string, folds: readonly Fold[], single: string | undefined): Promise<string[]> {
  if (new Set(folds).size < folds.length) throw new InvalidArgumentError("fold", "every fold once", folds);
  const isModelFolder = single !== path && foldsAmong(await readdir(path)).length > 0;
  if (single !== undefined && !isModelFolder) {
    throw new InvalidArgumentError("fold", `no fold beside ${single}, which is one model`, folds);
  }
  const models: string[] = [];
  for (const fold of folds) {
    const { model } = modelFolderPaths(path).fold(fold);
    if (!(await exists(model))) throw new FileError(model, `missing; train fold ${fold} first, or leave it out`);
    models.push(model);
  }
  return models;
}

/** Folders of such names, `nnUNetTrainer__nnUNetPlans__3d_fullres` for one, in a dataset's results, or in `nnUNet_results`. */
async function foldersBelow(
  path: string,
  names: readonly string[],
  isWanted: (name: string) => boolean,
): Promise<string[]> {
  const found = names.filter(isWanted).map((name) => join(path, name));
  for (const dataset of names.filter((name) => /^Dataset\d{3,}_/.test(name))) {
    const inside = await readdir(join(path, dataset)).catch(() => []);
    found.push(...inside.filter(isWanted).map((name) => join(path, dataset, name)));
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
      ? `${configuration} of ${dataset.name} is not trained; run \`train(${dataset.id}, ${configuration}, 0)\` first`
      : `${configuration} was trained with several plans; choose one of ${trained.map((n) => n.split("__")[1]).join(", ")} by \`plansName\``,
  );
}

/**
 * The folder of a dataset's final predictor.
 *
 * @param plansName - may be left out where only one plan has a predictor
 * @throws {FileError} if there is none, or several plans have one and none is named
 */
export async function findPredictorFolder(folders: Folders, dataset: RawDataset, plansName?: string): Promise<string> {
  const root = join(folders.results, dataset.name);
  const names = await readdir(root).catch(() => []);
  const prefix = `${PREDICTOR_NAME}__`;
  const found = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const wanted = plansName === undefined ? found : found.filter((name) => name === plansName);
  if (wanted.length === 1) return finalPredictorFolder(folders, dataset.name, wanted[0]!);
  throw new FileError(
    root,
    wanted.length === 0
      ? `${dataset.name} has no final predictor${plansName === undefined ? "" : ` of ${plansName}`}; run \`findBest(${dataset.id})\` first, or name the configuration to predict with`
      : `there are final predictors of several plans; choose one of ${wanted.join(", ")} by \`plansName\``,
  );
}
