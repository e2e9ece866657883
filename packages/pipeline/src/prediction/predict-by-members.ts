import { rm } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import {
  elementCount,
  FileError,
  InvalidArgumentError,
  labelSet,
  type LabelSet,
  show,
  type StoredImageCase,
  type PredictionSettings,
  spatialShape,
  type StageOptions,
  type Volume,
  type VolumeShape,
} from "@nnunet/core";
import { temporaryBeside } from "@nnunet/core/node";
import { meanChannels, type PredictionLimits, segmentationFromMean } from "@nnunet/inference";
import { openProbabilities, type ProbabilityReader, writeProbabilities } from "@nnunet/preprocess";
import { defaultStages, type Stages } from "../stages.ts";
import type { LoadedPredictor } from "./load-predictor.ts";
import { refuseOddLabels } from "./odd-labels.ts";

/** What of the pipeline predicting needs. */
export interface PredictionContext {
  readonly stages: Pick<Stages, "predictor">;
}

export interface MembersOptions extends PredictionSettings, PredictionLimits, StageOptions {
  /** Is given the probabilities channel by channel, the same array every time. */
  readonly onProbabilities?: ((channel: Float32Array) => Promise<void>) | undefined;
  /** Keep the probabilities as `<folder>/<id>.zarr`. */
  readonly keep?: { readonly folder: string; readonly contentHash: string } | undefined;
  /** The image is nobody's afterwards. */
  readonly releaseImage?: boolean;
  /** A path beside which may lie what memory has no room for, and the probabilities of several members until averaged. */
  readonly scratch: string;
}

export interface MembersResult {
  readonly segmentation: Volume<Int16Array>;
}

/**
 * One image by all members of a predictor: what one of them says, or the mean of what they say; then the postprocessing,
 * which probabilities do not see. Those of several members go over the disk, so that memory does not grow with members
 * and classes.
 */
export async function predictByMembers(
  context: PredictionContext,
  predictor: LoadedPredictor,
  loaded: StoredImageCase,
  options: MembersOptions,
): Promise<MembersResult> {
  const { members, postprocessing } = predictor;
  const result =
    members.length > 1
      ? await predictByMean(context, predictor, loaded, options)
      : await predictByOne(context, predictor, loaded, options);
  const labels = labelSet(predictor.metadata.dataset);
  const { predictor: stage } = context.stages;
  if (stage !== defaultStages.predictor)
    refuseOddResult(result, loaded, labels, `predictor ${stage.name}, case ${loaded.id}`);
  if (!postprocessing) return result;
  const { segmentation } = result;
  const { postprocessor, decided } = postprocessing;
  const data = postprocessor.apply(segmentation.data, spatialShape(segmentation), decided);
  refuseOddLabels(data, segmentation.data.length, labels, `postprocessor ${postprocessor.name}, case ${loaded.id}`);
  return { ...result, segmentation: { ...segmentation, data } };
}

/** @throws {FileError} if a predictor of one's own gives something else than labels on the grid of the image */
function refuseOddResult(
  result: Partial<MembersResult> | undefined,
  { image }: StoredImageCase,
  labels: LabelSet,
  subject: string,
): void {
  const segmentation = result?.segmentation;
  const expected = [1, ...spatialShape(image)];
  if (!Array.isArray(segmentation?.shape) || segmentation.shape.join() !== expected.join()) {
    const received = segmentation?.shape === undefined ? show(result) : `shape ${show(segmentation.shape)}`;
    throw new FileError(subject, `gives ${received}, expected { segmentation } of shape [${expected}]`);
  }
  refuseOddLabels(segmentation.data, elementCount(expected), labels, subject);
  if (isDeepStrictEqual(segmentation.geometry, image.geometry)) return;
  throw new FileError(subject, "gives a segmentation of another geometry than the image's; hand that of the image on");
}

async function predictByOne(
  context: PredictionContext,
  { members: [member], metadata }: LoadedPredictor,
  loaded: StoredImageCase,
  { keep, onProbabilities, ...options }: MembersOptions,
): Promise<MembersResult> {
  const how = { ...options, ...(member.previous && { previous: member.previous }) };
  const { predictor } = context.stages;
  const predict = (give?: (channel: Float32Array) => Promise<void>) =>
    predictor.predictImage(member.models, loaded, { ...how, ...(give && { onProbabilities: give }) });
  if (keep) {
    return storing(context, keep.folder, loaded, metadata, keep.contentHash, (store) =>
      predict(async (channel) => {
        await store(channel);
        await onProbabilities?.(channel);
      }),
    );
  }
  return onProbabilities ? counted(context, metadata, onProbabilities, predict) : predict();
}

async function predictByMean(
  context: PredictionContext,
  { members, metadata }: LoadedPredictor,
  loaded: StoredImageCase,
  { keep, scratch, onProbabilities, releaseImage = false, ...how }: MembersOptions,
): Promise<MembersResult> {
  const folder = temporaryBeside(scratch);
  const named = (index: number) => ({ ...loaded, id: `member_${index}` });
  try {
    const volumes: ProbabilityReader[] = [];
    for (const [index, { models, previous }] of members.entries()) {
      await storing(context, folder, named(index), metadata, "", (onProbabilities) =>
        context.stages.predictor.predictImage(models, loaded, {
          ...how,
          ...(previous && { previous }),
          releaseImage: releaseImage && index === members.length - 1,
          scratch,
          onProbabilities,
        }),
      );
      volumes.push(await openProbabilities(folder, named(index).id));
    }
    const segmentation = await segmentationFromMean(volumes, labelSet(metadata.dataset), how);
    if (keep) {
      const header = { ...volumes[0]!, contentHash: keep.contentHash };
      await writeProbabilities(keep.folder, loaded.id, header, async (write) => {
        for await (const channel of meanChannels(volumes, how)) await write(channel);
      });
    }
    if (onProbabilities) for await (const channel of meanChannels(volumes, how)) await onProbabilities(channel);
    return { segmentation };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a prediction whose probabilities go to disk. */
async function storing<T>(
  context: PredictionContext,
  folder: string,
  { id, image }: StoredImageCase,
  metadata: LoadedPredictor["metadata"],
  contentHash: string,
  predict: (onProbabilities: (channel: Float32Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const { outputChannels } = labelSet(metadata.dataset);
  const shape: VolumeShape = [outputChannels, ...spatialShape(image)];
  return writeProbabilities(folder, id, { shape, geometry: image.geometry, contentHash }, (write) =>
    counted(context, metadata, write, predict),
  );
}

/** @throws {InvalidArgumentError} if a stage of one's own hands out other than all channels */
async function counted<T>(
  { stages }: PredictionContext,
  { dataset }: LoadedPredictor["metadata"],
  take: (channel: Float32Array) => Promise<void>,
  predict: (onProbabilities: (channel: Float32Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const { outputChannels } = labelSet(dataset);
  let given = 0;
  const result = await predict(async (channel) => {
    given++;
    await take(channel);
  });
  if (given === outputChannels) return result;
  const expected = `a stage that hands its ${outputChannels} channels of probabilities to onProbabilities`;
  throw new InvalidArgumentError("stages.predictor", expected, stages.predictor.name);
}
