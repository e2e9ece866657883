import {
  type CaseFiles,
  type EventListener,
  labelSet,
  type StageOptions,
  spatialShape,
  type VolumeShape,
} from "@nnunet/core";
import { writeChunksAtomic, writeFileAtomic } from "@nnunet/core/node";
import type { PredictionLimits } from "@nnunet/inference";
import { v2ProbabilitiesChunks, v2PropertiesPickle } from "@nnunet/interop";
import { type DicomChoice, readDicomSource, readStoredImage, writeImage, writeNiftiChannels } from "@nnunet/io";
import { warnOfImages } from "../steps/image-warnings.ts";
import type { LoadedPredictor } from "./load-predictor.ts";
import { pourChannels } from "./pour-channels.ts";
import { type MembersOptions, type PredictionContext, predictByMembers } from "./predict-by-members.ts";
import type { CaseOutputs } from "./prediction-record.ts";
import { strangeIntensities } from "./strange-intensities.ts";
import { type ObjectOf, writeSegmentationObject } from "./write-segmentation-object.ts";

/** What is to be done with one case: plain data, so that it can travel to a thread. */
export interface CaseTask {
  readonly files: CaseFiles;
  readonly outputs: CaseOutputs;
  readonly mirroring: boolean;
  readonly stepFraction: number;
  readonly bodyMask: boolean;
  readonly overwrite: boolean;
  readonly limits: PredictionLimits;
  readonly choice: DicomChoice;
  /** Where the segmentation is a DICOM object: the series that it belongs to. */
  readonly objectOf: ObjectOf | undefined;
  readonly keep: MembersOptions["keep"];
}

export interface CaseListeners extends StageOptions {
  /** Hears what is odd about the image; `onEvent` hears of the patches. */
  readonly onWarning: EventListener;
}

/** Reads one case, predicts it and writes its files; the segmentation last: where it is, the case is finished. */
export async function segmentCase(
  context: PredictionContext,
  predictor: LoadedPredictor,
  { files: { label: _, ...files }, outputs, overwrite, limits, choice, objectOf, keep, ...how }: CaseTask,
  { onWarning, ...listeners }: CaseListeners,
): Promise<void> {
  const {
    images: [path, probabilitiesPath],
    v2,
  } = outputs;
  const { dataset } = predictor.metadata;
  const hear = warnOfImages("predict", onWarning);
  const source = objectOf && (await readDicomSource(objectOf.path, objectOf.choice));
  const image = await readStoredImage(files, dataset, { ...choice, onWarning: hear });
  const strange = strangeIntensities(files.id, image.image, predictor.metadata);
  if (strange !== undefined) onWarning({ type: "message", stage: "predict", level: "warning", text: strange });
  const options = { ...how, ...listeners, ...limits, keep, scratch: path, releaseImage: true };
  const predict = (onProbabilities?: (channel: Float32Array) => Promise<void>) =>
    predictByMembers(context, predictor, image, { ...options, onProbabilities });
  const { geometry } = image.image;
  const shape: VolumeShape = [labelSet(dataset).outputChannels, ...spatialShape(image.image)];
  const take = async (pieces: AsyncIterable<Float32Array>) => {
    if (probabilitiesPath !== undefined) await writeNiftiChannels(probabilitiesPath, { shape, geometry }, pieces);
    else if (v2) await writeChunksAtomic(v2.npz, v2ProbabilitiesChunks(shape, pieces));
  };
  const asked = probabilitiesPath !== undefined || v2 !== undefined;
  const { segmentation } = await (asked ? pourChannels(take, predict) : predict());
  if (v2) await writeFileAtomic(v2.pkl, v2PropertiesPickle(geometry));
  if (source) await writeSegmentationObject(path, segmentation, source, objectOf.choice, predictor, how, hear);
  else await writeImage(path, segmentation, { overwrite });
}
