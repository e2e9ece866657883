import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createVolume,
  FileError,
  InvalidArgumentError,
  isNnunetError,
  type LoadedCase,
  type StageOptions,
  type Volume,
} from "@nnunet/core";
import { predictionSize, refuseLargePrediction } from "@nnunet/inference";
import { readCase } from "@nnunet/io";
import { lookAhead, outlook, strangeIntensities } from "../prediction/case-outlook.ts";
import { inputCases } from "../prediction/input-cases.ts";
import type { LoadedPredictor } from "../prediction/load-predictor.ts";
import { predictByMembers } from "../prediction/predict-by-members.ts";
import { type Context, defaultStages } from "../stages.ts";
import { warnOfImages } from "../steps/image-warnings.ts";
import type { Prediction, PredictionHow } from "./prediction-messages.ts";

/**
 * One image, of a file, a folder with a DICOM series, or memory → its segmentation in memory. Nothing is written, but the
 * probabilities of an ensemble's members for as long as they are needed, in the system's folder for temporary files.
 *
 * @throws {FileError} if the path holds no image, or those of several cases
 * @throws {InvalidArgumentError} if a volume has not the model's channels, or a voxel that is no number
 */
export async function predictInput(
  context: Context,
  predictor: LoadedPredictor,
  input: string | Volume<Float32Array>,
  how: PredictionHow,
  { signal, onEvent }: StageOptions,
): Promise<Prediction> {
  const warnings: string[] = [];
  const hear: NonNullable<StageOptions["onEvent"]> = (event) => {
    if (event.type === "message" && event.level === "warning") warnings.push(event.text);
    onEvent?.(event);
  };
  const loaded =
    typeof input === "string" ? await fromPath(predictor, input, how, hear) : fromMemory(predictor, input, how, hear);
  const strange = strangeIntensities(loaded.id, loaded.image, predictor.metadata);
  if (strange !== undefined) hear({ type: "message", stage: "predict", level: "warning", text: strange });
  const scratch = join(tmpdir(), "nnunet-prediction");
  const { segmentation } = await predictByMembers(context, predictor, loaded, {
    ...how,
    scratch,
    ...(signal && { signal }),
    onEvent: hear,
  });
  return { id: loaded.id, segmentation, warnings };
}

/** The stages that a worker thread predicts by. */
export const embeddedContext: Context = { stages: defaultStages, folders: { raw: "", preprocessed: "", results: "" } };

async function fromPath(
  predictor: LoadedPredictor,
  path: string,
  how: PredictionHow,
  onEvent: NonNullable<StageOptions["onEvent"]>,
): Promise<LoadedCase> {
  const { dataset } = predictor.metadata;
  const [files, ...others] = await inputCases(path, dataset.channelNames);
  if (!files || others.length > 0) {
    throw new FileError(path, `holds ${others.length + 1} cases, and one is predicted at a time; name the file of one`);
  }
  await lookAhead(predictor, [files], { ...how, onEvent }).catch((error) => {
    throw isNnunetError(error, "STAGE") ? error.cause : error; // the caller knows which image it is
  });
  return readCase(files, dataset, { onWarning: warnOfImages("predict", onEvent) });
}

function fromMemory(
  { members, metadata }: LoadedPredictor,
  { data, shape, geometry }: Volume<Float32Array>,
  how: PredictionHow,
  onEvent: NonNullable<StageOptions["onEvent"]>,
): LoadedCase {
  const image = createVolume(data, shape, geometry);
  const { channelNames } = metadata.dataset;
  if (shape[0] !== channelNames.length) {
    const expected = `${channelNames.length} channels (${channelNames.join(", ")}) along the first axis`;
    throw new InvalidArgumentError("volume.shape", expected, shape);
  }
  let doubt = 0; // v − v is 0 for finite v, else NaN, which stays
  for (let i = 0; i < data.length; i++) doubt += data[i]! - data[i]!;
  if (doubt !== 0) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    throw new InvalidArgumentError("volume.data", `finite numbers, also at index ${at}`, data[at]);
  }
  for (const { models, previous } of members) {
    const size = predictionSize(models, { shape, spacing: geometry.spacing }, { ...how, previous });
    refuseLargePrediction("volume", size, how);
    for (const text of outlook("volume", size, models[0]!.metadata)) {
      onEvent({ type: "message", stage: "predict", level: "warning", text });
    }
  }
  return { id: "", image };
}
