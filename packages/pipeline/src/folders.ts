import { basename, dirname, join, resolve } from "node:path";
import { pathBelow } from "@nnunet/core/node";
import { checkpointFiles } from "@nnunet/trainer";

/** The three roots that nnU-Net's users know, as absolute paths. */
export interface Folders {
  /** Raw datasets: `Dataset004_Hippocampus/{imagesTr,labelsTr,dataset.json}`. */
  readonly raw: string;
  /** Fingerprints, plans, splits and preprocessed cases. */
  readonly preprocessed: string;
  /** Trained models, logs and validation predictions. */
  readonly results: string;
}

/** The first part of `nnUNetPredictor__nnUNetPlans`. */
export const PREDICTOR_NAME = "nnUNetPredictor";

/** The trainer part of `nnUNetTrainer__nnUNetPlans__3d_fullres`. */
export const TRAINER_NAME = "nnUNetTrainer";

/**
 * Where the roots are: what is given wins over nnU-Net's environment variables, and these over folders of the same
 * name in the working directory.
 *
 * @example resolveFolders({ raw: "/data/raw" }, {}, "/work").results; // "/work/nnUNet_results"
 */
export function resolveFolders(
  given: Partial<Folders>,
  environment: Readonly<Record<string, string | undefined>>,
  workingDirectory: string,
): Folders {
  const pick = (value: string | undefined, name: string) =>
    resolve(workingDirectory, value || environment[name] || name);
  return {
    raw: pick(given.raw, "nnUNet_raw"),
    preprocessed: pick(given.preprocessed, "nnUNet_preprocessed"),
    results: pick(given.results, "nnUNet_results"),
  };
}

/**
 * Every path under `nnUNet_preprocessed/<dataset>`. Names that come out of files go one step down, never elsewhere.
 *
 * @throws {FileError} if a name is not that of one file or folder
 */
export function preprocessedPaths(folders: Folders, datasetName: string) {
  const folder = pathBelow(folders.preprocessed, datasetName);
  return {
    folder,
    dataset: join(folder, "dataset.json"),
    fingerprint: join(folder, "dataset_fingerprint.json"),
    plans: (plansName: string) => pathBelow(folder, `${plansName}.json`),
    splits: join(folder, "splits_final.json"),
    /** Which cases belong together, where that was told: `{ "case": "group" }`. */
    groups: join(folder, "case_groups.json"),
    /** What each artefact here was made from; lets a rerun skip what is done. */
    madeFrom: join(folder, "made_from.json"),
    /** The jobs of the latest run. */
    jobs: join(folder, "jobs.json"),
    /** What configurations cost on the machine at hand. */
    costs: join(folder, "measured_costs.json"),
    /**
     * Preprocessed cases. `nnUNetPlans_3d_fullres` itself is nnU-Net v2's, which removes that folder with all that is in
     * it before it preprocesses.
     *
     * @param by - who made them, where it was not the default preprocessor (`casesFolder` of stages.ts)
     */
    cases: (dataIdentifier: string, by = "") => pathBelow(folder, `${dataIdentifier}${by}_zarr`),
    /** Where they lay before. */
    earlierCases: (dataIdentifier: string) => pathBelow(folder, dataIdentifier),
  };
}

/** Every path under `nnUNet_results/<dataset>/nnUNetTrainer__<plans>__<configuration>`. Throws as above. */
export function resultsPaths(folders: Folders, datasetName: string, plansName: string, configuration: string) {
  const folder = pathBelow(folders.results, datasetName, `${TRAINER_NAME}__${plansName}__${configuration}`);
  return { folder, ...modelFolderPaths(folder) };
}

/** The same, from the model folder itself. */
export function modelFolderPaths(folder: string) {
  return {
    plans: join(folder, "plans.json"),
    dataset: join(folder, "dataset.json"),
    fingerprint: join(folder, "dataset_fingerprint.json"),
    fold: (fold: Fold) => foldPaths(pathBelow(folder, `fold_${fold}`)),
  };
}

/** Every path of one trained fold. */
export function foldPaths(folder: string) {
  return {
    folder,
    model: join(folder, "model.onnx"),
    /** Of a training that went to its end. */
    checkpoint: join(folder, checkpointFiles.final),
    /** After the last finished epoch of one that did not yet. */
    latestCheckpoint: join(folder, checkpointFiles.latest),
    /** After the best epoch so far; of one that was killed in its first there may be no other. */
    bestCheckpoint: join(folder, checkpointFiles.best),
    /** Which data, plan and options this fold was trained with. */
    madeFrom: join(folder, "made_from.json"),
    validation: join(folder, "validation"),
    summary: join(folder, "validation", "summary.json"),
    /** Of the validation cases, `<case>.zarr` each, where they were asked for. */
    probabilities: join(folder, "validation", "probabilities"),
  };
}

/** What a fold found in its validation cases, kept for the configuration that comes after it. */
export function nextStagePaths(foldFolder: string, nextConfiguration: string) {
  const folder = pathBelow(foldFolder, "predicted_next_stage", nextConfiguration);
  return { folder, madeFrom: join(folder, "made_from.json") };
}

/** `…/nnUNetPredictor__<plans>`, where the final predictor of a dataset and plan goes. */
export function finalPredictorFolder(folders: Folders, datasetName: string, plansName: string): string {
  return pathBelow(folders.results, datasetName, `${PREDICTOR_NAME}__${plansName}`);
}

/** Every path of a final predictor, which is whole in its folder wherever that lies. */
export function predictorPaths(folder: string) {
  return {
    folder,
    /** What it consists of, with the hash of every file. */
    description: join(folder, "predictor.json"),
    /** What was compared, and why this was chosen. */
    information: join(folder, "inference_information.json"),
    postprocessing: join(folder, "postprocessing.json"),
    plans: join(folder, "plans.json"),
    dataset: join(folder, "dataset.json"),
    model: (configuration: string) => pathBelow(folder, `${configuration}.onnx`),
  };
}

/**
 * Where the validation cases lie as a final predictor's networks segment them, postprocessed: beside the predictor, which is
 * handed out, because they are called by name.
 *
 * @example crossvalFolder("results/nnUNetPredictor__nnUNetPlans"); // "results/crossval_of_nnUNetPredictor__nnUNetPlans"
 */
export function crossvalFolder(predictorFolder: string): string {
  const folder = resolve(predictorFolder);
  return join(dirname(folder), `crossval_of_${basename(folder)}`);
}

/** Every path of such a folder beside the segmentations. */
export function crossvalPaths(folder: string) {
  return {
    folder,
    /** Per case and label, of networks that had not seen the case, with ensemble and postprocessing. */
    summary: join(folder, "summary.json"),
    postprocessing: join(folder, "postprocessing.json"),
    dataset: join(folder, "dataset.json"),
    madeFrom: join(folder, "made_from.json"),
  };
}

/** What a run with a budget gave up: `{ "budget": "60 min", "givenUp": [sentences] }`. */
export function givenUpPath(folders: Folders, datasetName: string, plansName: string): string {
  return pathBelow(folders.results, datasetName, `given_up__${plansName}.json`);
}

/** Where the segmentations of an ensemble's validation cases lie, with their `summary.json`. */
export function ensembleFolder(
  folders: Folders,
  datasetName: string,
  plansName: string,
  configurations: readonly string[],
): string {
  return pathBelow(folders.results, datasetName, "ensembles", plansName, configurations.join("__"));
}

export type FoldPaths = ReturnType<typeof foldPaths>;

/** The folds whose folders are among these names, ascending, "all" last; `fold_0_old` is none. */
export function foldsAmong(names: readonly string[]): Fold[] {
  const numbers = names.flatMap((name) => /^fold_(0|[1-9]\d*)$/.exec(name)?.[1] ?? []).map(Number);
  return [...numbers.sort((a, b) => a - b), ...(names.includes("fold_all") ? (["all"] as const) : [])];
}

/** A fold of the cross-validation, or "all": train and validate on every case. */
export type Fold = number | "all";
