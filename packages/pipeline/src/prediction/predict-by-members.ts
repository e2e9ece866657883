import { rm } from "node:fs/promises";
import {
  InvalidArgumentError,
  labelSet,
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
import type { Context } from "../stages.ts";
import type { LoadedPredictor } from "./load-predictor.ts";

export interface MembersOptions extends PredictionSettings, PredictionLimits, StageOptions {
  /** Also return the probabilities as a whole: channels × voxels × 4 bytes. */
  readonly probabilities?: boolean;
  /** Keep the probabilities as `<folder>/<id>.zarr`. */
  readonly keep?: { readonly folder: string; readonly contentHash: string } | undefined;
  /** A path beside which may lie what memory has no room for, and the probabilities of several members until averaged. */
  readonly scratch: string;
}

export interface MembersResult {
  readonly segmentation: Volume<Int16Array>;
  readonly probabilities?: Volume<Float32Array>;
}

/**
 * One image by all members of a predictor: what one of them says, or the mean of what they say; then the postprocessing,
 * which probabilities do not see. Those of several members go over the disk, so that memory does not grow with members
 * and classes.
 */
export async function predictByMembers(
  context: Context,
  predictor: LoadedPredictor,
  loaded: StoredImageCase,
  options: MembersOptions,
): Promise<MembersResult> {
  const { members, postprocessing } = predictor;
  const result =
    members.length > 1
      ? await predictByMean(context, predictor, loaded, options)
      : await predictByOne(context, predictor, loaded, options);
  if (!postprocessing) return result;
  const { segmentation } = result;
  const { postprocessor, decided } = postprocessing;
  const data = postprocessor.apply(segmentation.data, spatialShape(segmentation), decided);
  return { ...result, segmentation: { ...segmentation, data } };
}

async function predictByOne(
  context: Context,
  { members: [member], metadata }: LoadedPredictor,
  loaded: StoredImageCase,
  { keep, ...options }: MembersOptions,
): Promise<MembersResult> {
  const how = { ...options, ...(member.previous && { previous: member.previous }) };
  if (!keep) return context.stages.predictor.predictImage(member.models, loaded, how);
  return storing(context, keep.folder, loaded, metadata, keep.contentHash, (onProbabilities) =>
    context.stages.predictor.predictImage(member.models, loaded, { ...how, onProbabilities }),
  );
}

async function predictByMean(
  context: Context,
  { members, metadata }: LoadedPredictor,
  loaded: StoredImageCase,
  { keep, scratch, probabilities: asked, ...how }: MembersOptions,
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
    return { segmentation, ...(asked && { probabilities: await meanVolume(volumes, how) }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a prediction whose probabilities go to disk. */
async function storing<T>(
  { stages }: Context,
  folder: string,
  { id, image }: StoredImageCase,
  { dataset }: LoadedPredictor["metadata"],
  contentHash: string,
  predict: (onProbabilities: (channel: Float32Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const { outputChannels } = labelSet(dataset);
  const shape: VolumeShape = [outputChannels, ...spatialShape(image)];
  return writeProbabilities(folder, id, { shape, geometry: image.geometry, contentHash }, async (write) => {
    let given = 0;
    const result = await predict(async (channel) => {
      given++;
      await write(channel);
    });
    if (given === outputChannels) return result;
    const expected = `a stage that hands its ${outputChannels} channels of probabilities to onProbabilities`;
    throw new InvalidArgumentError("stages.predictor", expected, stages.predictor.name);
  });
}

async function meanVolume(
  volumes: readonly ProbabilityReader[],
  options: Pick<StageOptions, "signal">,
): Promise<Volume<Float32Array>> {
  const { shape, geometry } = volumes[0]!;
  const voxels = shape[1] * shape[2] * shape[3];
  const data = new Float32Array(shape[0] * voxels);
  let first = 0;
  for await (const channel of meanChannels(volumes, options)) {
    data.set(channel, first);
    first += voxels;
  }
  return { data, shape, geometry };
}
