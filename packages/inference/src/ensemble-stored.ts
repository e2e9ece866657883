import {
  elementCount,
  InvalidArgumentError,
  type LabelSet,
  ShapeMismatchError,
  type StageOptions,
  throwIfCancelled,
  type Volume,
} from "@nnunet/core";
import type { Box, ProbabilityReader } from "@nnunet/preprocess";
import { checkChannels, VoxelDecision } from "./voxel-decision.ts";

/**
 * The segmentation by the mean of stored probabilities, as {@link segmentationFromProbabilities} of
 * {@link ensembleProbabilities} gives it, without ever holding them: beside the result there are a few blocks of one
 * channel in memory, however many volumes and channels there are.
 *
 * @param volumes - of `openProbabilities`, all of one shape
 * @returns [1, z, y, x] label ids in the geometry of the first
 * @throws {InvalidArgumentError} if there is none
 * @throws {ShapeMismatchError} if two differ in shape, or the channels do not fit the labels
 * @throws {CancelledError} if `signal` is aborted; looked at for every block
 * @example const { data } = await segmentationFromMean([await openProbabilities(flat, id), await openProbabilities(full, id)], labels);
 */
export async function segmentationFromMean(
  volumes: readonly ProbabilityReader[],
  labels: LabelSet,
  { signal }: Pick<StageOptions, "signal"> = {},
): Promise<Volume<Int16Array>> {
  const { shape, geometry, blocks } = checkVolumes(volumes);
  checkChannels(shape, labels);
  const [channels, depth, height, width] = shape;
  const data = new Int16Array(depth * height * width);
  for (const [number, block] of blocks.entries()) {
    const decision = new VoxelDecision(elementCount(block.size), labels);
    for (let channel = 0; channel < channels; channel++) {
      throwIfCancelled(signal, "ensembling");
      decision.add(await meanOfBlock(volumes, channel, number, block));
    }
    putBlock(decision.labels, block, data, [depth, height, width]);
  }
  return { data, shape: [1, depth, height, width], geometry };
}

/**
 * The mean of stored probabilities, channel by channel, [z, y, x] each; the same array is handed out every time.
 * Errors as of {@link segmentationFromMean}.
 */
export async function* meanChannels(
  volumes: readonly ProbabilityReader[],
  { signal }: Pick<StageOptions, "signal"> = {},
): AsyncGenerator<Float32Array> {
  const { shape, blocks } = checkVolumes(volumes);
  const [channels, ...size] = shape;
  const data = new Float32Array(elementCount(size));
  for (let channel = 0; channel < channels; channel++) {
    for (const [number, block] of blocks.entries()) {
      throwIfCancelled(signal, "ensembling");
      putBlock(await meanOfBlock(volumes, channel, number, block), block, data, size);
    }
    yield data;
  }
}

function checkVolumes(volumes: readonly ProbabilityReader[]): ProbabilityReader {
  const [first] = volumes;
  if (first === undefined) throw new InvalidArgumentError("volumes", "at least one volume of probabilities", volumes);
  for (const { shape } of volumes) {
    if (shape.join() === first.shape.join()) continue;
    throw new ShapeMismatchError(
      "probabilities",
      first.shape,
      shape,
      "predict the same image with every configuration",
    );
  }
  return first;
}

/** Summed as float64 and rounded once, as {@link ensembleProbabilities} does. */
async function meanOfBlock(
  volumes: readonly ProbabilityReader[],
  channel: number,
  number: number,
  { size }: Box,
): Promise<Float32Array> {
  const sum = new Float64Array(elementCount(size));
  for (const volume of volumes) {
    const values = await volume.readBlock(channel, number);
    for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
  }
  const mean = new Float32Array(sum.length);
  const share = 1 / volumes.length;
  for (let i = 0; i < mean.length; i++) mean[i] = sum[i]! * share;
  return mean;
}

/** Copies the voxels of a block to their place in a volume [z, y, x]. */
function putBlock<T extends Int16Array | Float32Array>(
  values: T,
  { start, size }: Box,
  out: T,
  [, height, width]: readonly number[],
): void {
  for (let z = 0, from = 0; z < size[0]; z++) {
    for (let y = 0; y < size[1]; y++, from += size[2]) {
      const to = ((start[0] + z) * height! + start[1] + y) * width! + start[2];
      out.set(values.subarray(from, from + size[2]), to);
    }
  }
}
