import {
  type Configuration,
  elementCount,
  InvalidArgumentError,
  type LabelSet,
  type PreprocessedProperties,
  type Shape3,
  ShapeMismatchError,
  type Volume,
  type VolumeShape,
} from "@nnunet/core";
import { PanelScratch, type ResampleImageOptions, resampleImage, resampleSlab } from "@nnunet/kernels";
import { kernelOptions } from "./resampling-plan.ts";

export interface RestoreOptions {
  /** What the scores are: decides the threshold of regions (0 for logits, 0.5 for probabilities). */
  readonly kind?: "logits" | "probabilities";
  /** Voxels of a slab, about; a memory bound, never a change of result. */
  readonly slabVoxels?: number;
}

const SLAB_VOXELS = 4_000_000;

/**
 * From scores on the preprocessed grid to a segmentation of the original image: resampled to the cropped original
 * grid, decided per voxel, put back into the uncropped image (0 outside), transposed back.
 *
 * Ordinary labels: the channel with the highest score, ties to the lowest. Regions: a region's label is written where
 * its sigmoid exceeds 0.5, in the order of `regionsClassOrder`, later ones over earlier ones.
 *
 * Works slab by slab and, within a slab, channel by channel: beyond scores and result it holds two slabs, however many
 * channels there are. The result is bit by bit that of resampling every channel as a whole.
 *
 * @param scores - logits or probabilities, [channel, z, y, x] on the preprocessed grid
 * @param scoresShape - of `scores`
 * @param properties - of the preprocessed case
 * @param configuration - gives the resampling of scores
 * @param labels - meaning of the channels
 * @returns [1, z, y, x] labels in the axes and geometry of the original image
 * @throws {ShapeMismatchError} if the channels do not fit the labels or the data does not fit the shape
 * @example restoreSegmentation(scores, [3, 40, 56, 40], preprocessed.properties, configuration, labels).shape;
 * @see Isensee et al. 2021, Methods, "Inference"; facts.md §7, "Export"
 */
export function restoreSegmentation(
  scores: Float32Array,
  scoresShape: VolumeShape,
  properties: PreprocessedProperties,
  configuration: Configuration,
  labels: LabelSet,
  { kind = "logits", slabVoxels = SLAB_VOXELS }: RestoreOptions = {},
): Volume<Int16Array> {
  checkScores(scores, scoresShape, labels);
  if (!(slabVoxels >= 1)) throw new InvalidArgumentError("slabVoxels", "a positive number", slabVoxels);
  const [channels, ...spatial] = scoresShape;
  const shape: Shape3 = spatial;
  const target = properties.shapeAfterCropping;
  const { regions, regionsClassOrder } = labels;
  if (regions && regionsClassOrder?.length !== regions.length) {
    throw new InvalidArgumentError(
      "regions_class_order",
      `one label per region (${regions.length}) in dataset.json`,
      regionsClassOrder,
    );
  }

  const sampler = channelSampler(shape, properties, configuration);
  const voxels = elementCount(shape);
  const slice = target[1] * target[2];
  const thickness = sampler.wholeOnly ? target[0] : Math.max(1, Math.min(target[0], Math.floor(slabVoxels / slice)));
  const values = new Float32Array(thickness * slice);
  const best = regions ? undefined : new Float32Array(thickness * slice);
  const decided = new Int16Array(thickness * slice);
  const threshold = kind === "logits" ? 0 : 0.5; // sigmoid(x) > 0.5 is x > 0

  const data = new Int16Array(elementCount(properties.originalShape));
  const place = placement(properties);
  for (let first = 0; first < target[0]; first += thickness) {
    const end = Math.min(first + thickness, target[0]);
    const count = (end - first) * slice;
    decided.fill(0);
    for (let c = 0; c < channels; c++) {
      sampler.sample(scores.subarray(c * voxels, (c + 1) * voxels), first, end, values);
      if (best) chooseHigher(values, best, decided, c, count);
      else writeAbove(values, threshold, decided, regionsClassOrder![c]!, count);
    }
    for (let k = first; k < end; k++) {
      for (let j = 0; j < target[1]; j++) {
        let to = place.offset + k * place.strides[0] + j * place.strides[1];
        const row = (k - first) * slice + j * target[2];
        for (let i = 0; i < target[2]; i++, to += place.strides[2]) data[to] = decided[row + i]!;
      }
    }
  }
  return { data, shape: [1, ...properties.originalShape], geometry: properties.geometry };
}

/**
 * The probabilities of one case in the original image, for `--save-probabilities`. This one is as big as it says:
 * channels × original voxels × 4 bytes (a CT of 512³ with 117 classes: 63 GB).
 *
 * Outside the crop background has probability 1 (regions: all 0). Logits become probabilities after resampling.
 *
 * @param scores - logits or probabilities, [channel, z, y, x] on the preprocessed grid
 * @returns [channel, z, y, x] in the axes and geometry of the original image
 * @throws {ShapeMismatchError} if the channels do not fit the labels or the data does not fit the shape
 */
export function restoreProbabilities(
  scores: Float32Array,
  scoresShape: VolumeShape,
  properties: PreprocessedProperties,
  configuration: Configuration,
  labels: LabelSet,
  { kind = "logits" }: RestoreOptions = {},
): Volume<Float32Array> {
  checkScores(scores, scoresShape, labels);
  const [channels, ...spatial] = scoresShape;
  const target = properties.shapeAfterCropping;
  const sampler = channelSampler(spatial, properties, configuration);
  const voxels = elementCount(spatial);
  const originalVoxels = elementCount(properties.originalShape);
  const data = new Float32Array(channels * originalVoxels);
  if (!labels.regions) data.fill(1, 0, originalVoxels);
  const place = placement(properties);
  const slice = target[1] * target[2];
  const thickness = sampler.wholeOnly ? target[0] : 1;
  const values = new Float32Array(thickness * slice);
  for (let c = 0; c < channels; c++) {
    const channel = scores.subarray(c * voxels, (c + 1) * voxels);
    for (let first = 0; first < target[0]; first += thickness) {
      sampler.sample(channel, first, first + thickness, values);
      for (let row = 0; row < thickness * target[1]; row++) {
        const k = first + Math.floor(row / target[1]);
        const j = row % target[1];
        let to = c * originalVoxels + place.offset + k * place.strides[0] + j * place.strides[1];
        for (let i = 0; i < target[2]; i++, to += place.strides[2]) data[to] = values[row * target[2] + i]!;
      }
    }
  }
  if (kind === "logits") toProbabilities(data, originalVoxels, properties, labels.regions !== undefined);
  return { data, shape: [channels, ...properties.originalShape], geometry: properties.geometry };
}

/** Softmax over channels (or the sigmoid of each), in place, for the voxels inside the crop. */
function toProbabilities(
  data: Float32Array,
  voxels: number,
  properties: PreprocessedProperties,
  sigmoid: boolean,
): void {
  const channels = data.length / voxels;
  const { offset, strides } = placement(properties);
  const [depth, height, width] = properties.shapeAfterCropping;
  for (let k = 0; k < depth; k++) {
    for (let j = 0; j < height; j++) {
      for (let i = 0, at = offset + k * strides[0] + j * strides[1]; i < width; i++, at += strides[2]) {
        if (sigmoid) {
          for (let c = 0; c < channels; c++) data[c * voxels + at] = 1 / (1 + Math.exp(-data[c * voxels + at]!));
          continue;
        }
        let highest = -Infinity;
        for (let c = 0; c < channels; c++) highest = Math.max(highest, data[c * voxels + at]!);
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += Math.exp(data[c * voxels + at]! - highest);
        for (let c = 0; c < channels; c++) {
          data[c * voxels + at] = Math.exp(data[c * voxels + at]! - highest) / sum;
        }
      }
    }
  }
}

/** Keeps the highest value so far and its channel; `>` leaves a tie with the lower channel, as NumPy's argmax does. */
function chooseHigher(
  values: Float32Array,
  best: Float32Array,
  decided: Int16Array,
  channel: number,
  count: number,
): void {
  if (channel === 0) {
    best.set(values.subarray(0, count));
    return;
  }
  for (let i = 0; i < count; i++) {
    if (values[i]! > best[i]!) {
      best[i] = values[i]!;
      decided[i] = channel;
    }
  }
}

function writeAbove(values: Float32Array, threshold: number, decided: Int16Array, label: number, count: number): void {
  for (let i = 0; i < count; i++) if (values[i]! > threshold) decided[i] = label;
}

interface ChannelSampler {
  /** Cubic scores need whole columns: one slab. */
  readonly wholeOnly: boolean;
  /** Slices [first, end) of the channel on the cropped original grid, into the start of `out`. */
  sample(channel: Float32Array, first: number, end: number, out: Float32Array): void;
}

function channelSampler(
  shape: Shape3,
  properties: PreprocessedProperties,
  configuration: Configuration,
): ChannelSampler {
  const target = properties.shapeAfterCropping;
  const options: ResampleImageOptions = kernelOptions(
    configuration.resamplingProbabilities,
    properties.spacingAfterResampling,
    properties.spacingAfterTranspose,
    "resampling_fn_probabilities",
  );
  const across = options.separateAxis?.axis ?? 0;
  const orderZ = options.separateAxis?.order ?? options.order;
  const wholeOnly = across !== 0 || options.order === 3 || orderZ === 3;
  const scratch = new PanelScratch();
  return {
    wholeOnly,
    sample(channel, first, end, out) {
      if (wholeOnly) out.set(resampleImage(channel, shape, target, options));
      else resampleSlab(channel, shape, target, options, first, end, out, scratch);
    },
  };
}

/** Where voxel [0, 0, 0] of the crop lies in the original array, and the step of each cropped axis there. */
function placement(properties: PreprocessedProperties): { offset: number; strides: [number, number, number] } {
  const [, height, width] = properties.originalShape;
  const original = [height * width, width, 1];
  const strides = properties.transposeForward.map((axis) => original[axis]!) as [number, number, number];
  const offset = properties.cropBox.reduce((sum, [first], i) => sum + first * strides[i]!, 0);
  return { offset, strides };
}

function checkScores(scores: Float32Array, shape: VolumeShape, labels: LabelSet): void {
  if (shape.length !== 4 || shape[0] !== labels.outputChannels) {
    throw new ShapeMismatchError(
      "scores",
      [labels.outputChannels, ...shape.slice(1)],
      shape,
      "one channel per class or region",
    );
  }
  if (scores.length !== elementCount(shape))
    throw new ShapeMismatchError("scores", [elementCount(shape)], [scores.length]);
}
