import { dirname } from "node:path";
import {
  InvalidArgumentError,
  type ModelMetadata,
  plansFromJson,
  type Postprocessor,
  type StageOptions,
} from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { checkPrevious, loadModel, type LoadModelOptions, type Model, type PredictorMember } from "@nnunet/inference";
import { defaultPostprocessor } from "@nnunet/postprocess";
import { previousModelFiles } from "../cascade/previous-models.ts";
import { type Fold, predictorPaths } from "../folders.ts";
import type { DecidedPostprocessing } from "./decided-postprocessing.ts";
import { modelFiles } from "./find-models.ts";
import { loadForeignModel } from "./foreign-model.ts";
import { refuseOtherDivisions } from "../training/division.ts";
import { isPredictorFolder, loadPredictorFolder } from "./load-predictor-folder.ts";

/** What a predictor was loaded from: enough to load the same in another thread. */
export interface LoadedFrom extends Pick<LoadModelOptions, "device" | "threads" | "kernels"> {
  readonly path: string | readonly string[];
  readonly folds?: readonly Fold[] | undefined;
  readonly configuration?: string | undefined;
}

/** All that turns an image into a segmentation, loaded. */
export interface LoadedPredictor {
  /** The configurations; the probabilities of several are averaged. */
  readonly members: readonly [PredictorMember, ...PredictorMember[]];
  /** What is done to each segmentation at the end; nothing if left out. */
  readonly postprocessing?: DecidedPostprocessing;
  /** Of the first member: its channels and labels are those of all. */
  readonly metadata: ModelMetadata;
  /** What it was loaded from. */
  readonly files: readonly string[];
  /** Enough to load the same in another thread; absent where that is not possible. */
  readonly loadedFrom?: LoadedFrom;
  /** Frees the memory of all networks. */
  dispose(): Promise<void>;
}

export interface LoadPredictorOptions extends LoadModelOptions, Pick<StageOptions, "onEvent"> {
  /** Of a model folder; see {@link modelFiles} for what is taken without. */
  readonly folds?: readonly Fold[] | undefined;
  /** Of a folder or archive of Python nnU-Net with several models: the one that is meant. */
  readonly configuration?: string | undefined;
  /** The stage that a final predictor's postprocessing was decided by, where it was not the default one. */
  readonly postprocessor?: Postprocessor;
}

/**
 * Loads what predicts: a final predictor's folder, a `model.onnx`, several of one configuration, or a model folder with
 * its trained folds; and a model of Python nnU-Net: its folder, a zip archive of it, or a checkpoint. With the second network of a cascade comes the first, from beside it.
 *
 * @throws {FileError} if there is no model, a fold that was asked for is not trained, two are of different divisions of the
 *   cases, or a final predictor is not whole
 * @throws {InvalidArgumentError} if a model is named twice, or those named do not belong together
 * @throws what `loadModel` throws of a model that is damaged, or of a device that is not there
 * @example const predictor = await loadPredictor("nnUNet_results/Dataset004_Hippocampus/nnUNetPredictor__nnUNetPaperPlans");
 */
export async function loadPredictor(
  path: string | readonly string[],
  options: LoadPredictorOptions = {},
): Promise<LoadedPredictor> {
  const predictor = await load(path, options);
  const { device, threads, kernels, folds, configuration, createSession, cpuOperators, postprocessor } = options;
  if (createSession || cpuOperators || (postprocessor && postprocessor !== defaultPostprocessor)) return predictor;
  return { ...predictor, loadedFrom: { path, device, threads, kernels, folds, configuration } };
}

async function load(
  path: string | readonly string[],
  { folds, configuration, onEvent, postprocessor = defaultPostprocessor, ...options }: LoadPredictorOptions,
): Promise<LoadedPredictor> {
  const named = typeof path === "string" ? [path] : path;
  const [only, ...more] = named;
  const asked = { folds, configuration, onEvent };
  const foreign = only === undefined || more.length > 0 ? undefined : await loadForeignModel(only, asked, options);
  if (foreign) return { ...predictorOf([foreign]), files: named };
  const loaded: Model[] = [];
  const loadMember = async (files: readonly string[]) => {
    const load = async (file: string) => {
      const model = await loadModel(file, options);
      loaded.push(model);
      return model;
    };
    const models: Model[] = [];
    for (const file of files) models.push(await load(file));
    const beside = models[0] ? await previousModelFiles(files[0]!, models[0].metadata) : [];
    const first: Model[] = [];
    for (const file of beside) first.push(await load(file));
    const previous = checkPrevious(models, first);
    return { member: { models, ...(previous && { previous }) }, files: [...files, ...beside] };
  };
  try {
    const whole = await onlyPredictorFolder(named, folds);
    if (whole !== undefined) {
      const { warnings, ...folder } = await loadPredictorFolder(whole, postprocessor, (file) => loadMember([file]));
      const { members, postprocessing, files } = folder;
      for (const text of warnings) onEvent?.({ type: "message", stage: "predict", level: "warning", text });
      const predictor = predictorOf(members, postprocessing);
      // Its plan has the sizes of every member.
      const { plans } = predictorPaths(whole);
      const metadata = { ...predictor.metadata, plans: plansFromJson(await readJson(plans), plans) };
      return { ...predictor, metadata, files };
    }
    const found = (await Promise.all(named.map((each) => modelFiles(each, folds, onEvent ? { onEvent } : {})))).flat();
    if (new Set(found).size < found.length) throw new InvalidArgumentError("model", "every model once", found);
    await refuseOtherDivisions(found.map((model) => dirname(model)));
    const { member, files } = await loadMember(found);
    return { ...predictorOf([member]), files };
  } catch (error) {
    for (const model of loaded) await model.dispose();
    throw error;
  }
}

/** The one path, if it is the folder of a final predictor; that is whole, so nothing else goes with it. */
async function onlyPredictorFolder(
  paths: readonly string[],
  folds: readonly Fold[] | undefined,
): Promise<string | undefined> {
  for (const path of paths) {
    if (!(await isPredictorFolder(path))) continue;
    if (paths.length > 1) throw new InvalidArgumentError("model", `${path}, a final predictor, by itself`, paths);
    if (folds)
      throw new InvalidArgumentError("fold", `no fold beside ${path}, a final predictor with folds of its own`, folds);
    return path;
  }
  return undefined;
}

/**
 * A predictor of models that are loaded already.
 *
 * @throws {InvalidArgumentError} if there is no model, or two members differ in channels or labels
 * @example predictorOf([{ models: [await loadModel("model.onnx")] }]);
 */
export function predictorOf(
  members: readonly PredictorMember[],
  postprocessing?: DecidedPostprocessing,
): LoadedPredictor {
  const [first, ...others] = members;
  const metadata = first?.models[0]?.metadata;
  if (!first || !metadata) throw new InvalidArgumentError("members", "at least one model", members);
  for (const { models } of others) refuseOthersLabels(metadata, models[0]!.metadata);
  return {
    members: [first, ...others],
    ...(postprocessing && { postprocessing }),
    metadata,
    files: [],
    async dispose() {
      for (const { models, previous = [] } of members)
        for (const model of [...models, ...previous]) await model.dispose();
    },
  };
}

/** Probabilities can be averaged only where the channels of both mean the same, and both see the same image. */
function refuseOthersLabels(first: ModelMetadata, other: ModelMetadata): void {
  const compared = ({ dataset: { channelNames, labels, regionsClassOrder } }: ModelMetadata) => ({
    channels: channelNames,
    labels: [Object.entries(labels), regionsClassOrder],
  });
  const [ours, theirs] = [compared(first), compared(other)];
  for (const what of ["channels", "labels"] as const) {
    if (JSON.stringify(ours[what]) === JSON.stringify(theirs[what])) continue;
    const expected = `configurations of one dataset, with the same ${what} as ${first.configuration}`;
    throw new InvalidArgumentError("members", expected, other.configuration);
  }
}
