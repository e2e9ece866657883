import { InvalidArgumentError, type ModelMetadata, type StageOptions } from "@nnunet/core";
import { checkPrevious, loadModel, type LoadModelOptions, type Model, type PredictorMember } from "@nnunet/inference";
import type { Postprocessing } from "@nnunet/postprocess";
import { previousModelFiles } from "../cascade/previous-models.ts";
import type { Fold } from "../folders.ts";
import { modelFiles } from "./find-models.ts";

/** All that turns an image into a segmentation, loaded. */
export interface LoadedPredictor {
  /** The configurations; the probabilities of several are averaged. */
  readonly members: readonly [PredictorMember, ...PredictorMember[]];
  /** What is done to each segmentation at the end; nothing if left out. */
  readonly postprocessing?: Postprocessing;
  /** Of the first member: its channels and labels are those of all. */
  readonly metadata: ModelMetadata;
  /** What it was loaded from. */
  readonly files: readonly string[];
  /** Frees the memory of all networks. */
  dispose(): Promise<void>;
}

export interface LoadPredictorOptions extends LoadModelOptions, Pick<StageOptions, "onEvent"> {
  /** Of a model folder; see {@link modelFiles} for what is taken without. */
  readonly folds?: readonly Fold[] | undefined;
}

/**
 * Loads what predicts: a `model.onnx`, several of one configuration, or a model folder with its trained folds. With the
 * second network of a cascade comes the first, from beside it.
 *
 * @throws {FileError} if there is no model, or a fold that was asked for is not trained
 * @throws {InvalidArgumentError} if a model is named twice, or those named do not belong together
 * @throws what `loadModel` throws of a model that is damaged, or of a device that is not there
 * @example const predictor = await loadPredictor("nnUNet_results/Dataset004_Hippocampus/nnUNetTrainer__nnUNetPaperPlans__3d_fullres");
 */
export async function loadPredictor(
  path: string | readonly string[],
  { folds, onEvent, ...options }: LoadPredictorOptions = {},
): Promise<LoadedPredictor> {
  const named = typeof path === "string" ? [path] : path;
  const files = (await Promise.all(named.map((each) => modelFiles(each, folds, onEvent ? { onEvent } : {})))).flat();
  if (new Set(files).size < files.length) throw new InvalidArgumentError("model", "every model once", files);
  const loaded: Model[] = [];
  try {
    for (const file of files) loaded.push(await loadModel(file, options));
    const models = [...loaded];
    const first = models[0] ? await previousModelFiles(files[0]!, models[0].metadata) : [];
    for (const file of first) loaded.push(await loadModel(file, options));
    const previous = checkPrevious(models, loaded.slice(models.length));
    return { ...predictorOf([{ models, ...(previous && { previous }) }]), files: [...files, ...first] };
  } catch (error) {
    for (const model of loaded) await model.dispose();
    throw error;
  }
}

/**
 * A predictor of models that are loaded already.
 *
 * @throws {InvalidArgumentError} if there is no model, or two members differ in channels or labels
 * @example predictorOf([{ models: [await loadModel("model.onnx")] }]);
 */
export function predictorOf(members: readonly PredictorMember[], postprocessing?: Postprocessing): LoadedPredictor {
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
