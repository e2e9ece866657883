import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createVolume,
  firstNonFinite,
  FileError,
  InvalidArgumentError,
  type StageOptions,
  type StoredImageCase,
  type Volume,
} from "@nnunet/core";
import { type DicomChoice, readStoredImage } from "@nnunet/io";
import { imageInFile, lookAtImage } from "../prediction/case-outlook.ts";
import { inputCases } from "../prediction/input-cases.ts";
import type { LoadedPredictor } from "../prediction/load-predictor.ts";
import { predictByMembers } from "../prediction/predict-by-members.ts";
import { strangeIntensities } from "../prediction/strange-intensities.ts";
import { type Context, defaultStages } from "../stages.ts";
import { warnOfImages } from "../steps/image-warnings.ts";
import type { Prediction } from "./embedded-predictor.ts";
import type { PredictionHow } from "./prediction-messages.ts";

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
  input: string | Volume,
  how: PredictionHow & DicomChoice,
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
    releaseImage: typeof input === "string",
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
  how: PredictionHow & DicomChoice,
  onEvent: NonNullable<StageOptions["onEvent"]>,
): Promise<StoredImageCase> {
  const { dataset } = predictor.metadata;
  const { seriesUid, volume } = how;
  const [files, ...others] = await inputCases(path, dataset.channelNames);
  if (!files || others.length > 0) {
    throw new FileError(path, `holds ${others.length + 1} cases, and one is predicted at a time; name the file of one`);
  }
  lookAtImage(predictor, files.id, await imageInFile(files.images[0]!, predictor, how), { ...how, onEvent });
  return readStoredImage(files, dataset, { seriesUid, volume, onWarning: warnOfImages("predict", onEvent) });
}

function fromMemory(
  predictor: LoadedPredictor,
  { data, shape, geometry }: Volume,
  how: PredictionHow,
  onEvent: NonNullable<StageOptions["onEvent"]>,
): StoredImageCase {
  const image = createVolume(data, shape, geometry);
  const { channelNames } = predictor.metadata.dataset;
  if (shape[0] !== channelNames.length) {
    const expected = `${channelNames.length} channels (${channelNames.join(", ")}) along the first axis`;
    throw new InvalidArgumentError("volume.shape", expected, shape);
  }
  const at = firstNonFinite(data);
  if (at >= 0) throw new InvalidArgumentError("volume.data", `finite numbers, also at index ${at}`, data[at]);
  const ahead = { shape, spacing: geometry.spacing, bytesPerVoxel: data.BYTES_PER_ELEMENT, releaseImage: false };
  lookAtImage(predictor, "volume", ahead, { ...how, onEvent });
  return { id: "", image };
}
