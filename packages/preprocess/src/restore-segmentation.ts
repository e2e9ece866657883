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
import { type ResampleImageOptions, resampleImage } from "@nnunet/kernels";
import { type DecisionRule, type EmitLabels, LabelDecider } from "./decide-labels.ts";
import { kernelOptions } from "./resampling-plan.ts";
import { type ScoreSource, scoresInMemory } from "./score-source.ts";

export interface RestoreOptions {
  /** What the scores are: decides the threshold of regions (0 for logits, 0.5 for probabilities). */
  readonly kind?: "logits" | "probabilities";
}

/**
 * From scores on the preprocessed grid to a segmentation of the original image: resampled to the cropped original
 * grid, decided per voxel, put back into the uncropped image (0 outside), transposed back.
 *
 * Ordinary labels: the channel with the highest score, ties to the lowest. Regions: a region's label is written where
 * its sigmoid exceeds 0.5, in the order of `regionsClassOrder`, later ones over earlier ones.
 *
 * Beyond scores and result it holds a tile and 1/512 of nine planes of the scores, however many channels there are, and
 * resamples only channels that can win ({@link LabelDecider}). The result is bit by bit that of resampling every channel as a whole.
 *
 * @param scores - logits or probabilities, [channel, z, y, x] on the preprocessed grid
 * @param scoresShape - of `scores`
 * @param properties - of the preprocessed case
 * @param configuration - gives the resampling of scores
 * @param labels - meaning of the channels
 * @returns [1, z, y, x] labels in the axes and geometry of the original image
 * @throws {ShapeMismatchError} if the channels do not fit the labels or the data does not fit the shape
 * @example restoreSegmentation(scores, [3, 40, 56, 40], preprocessed.properties, configuration, labels).shape;
 * @see Isensee et al. 2021, Methods, "Inference"; docs/method.md §7, "Export"
 */
export function restoreSegmentation(
  scores: Float32Array,
  scoresShape: VolumeShape,
  properties: PreprocessedProperties,
  configuration: Configuration,
  labels: LabelSet,
  options: RestoreOptions = {},
): Volume<Int16Array> {
  const restorer = new SegmentationRestorer(scoresShape, properties, configuration, labels, options);
  restorer.decide(scoresInMemory(scores, scoresShape), scoresShape[1]);
  return restorer.segmentation;
}

/**
 * {@link restoreSegmentation} while the scores are still being made, plane by plane: whatever no longer needs a plane
 * is decided, so that only a few planes have to be there at a time. Arguments and errors are the same.
 *
 * @example
 * const restorer = new SegmentationRestorer([3, 40, 56, 40], preprocessed.properties, configuration, labels);
 * restorer.decide(scores, 20); // planes 0 … 19 are final
 * restorer.neededAfter(20); // 16: the planes before may go
 * restorer.decide(scores, 40);
 * restorer.segmentation.shape;
 */
export class SegmentationRestorer {
  /** [1, z, y, x]; whole once `decide` was told that all planes are final. */
  readonly segmentation: Volume<Int16Array>;
  readonly #decider: { decide(scores: ScoreSource, end: number): void; neededAfter(end: number): number };

  constructor(
    scoresShape: VolumeShape,
    properties: PreprocessedProperties,
    configuration: Configuration,
    labels: LabelSet,
    { kind = "logits" }: RestoreOptions = {},
  ) {
    checkChannels(scoresShape, labels);
    const [, ...from] = scoresShape;
    const target = properties.shapeAfterCropping;
    const rule = decisionRule(labels, kind);
    const data = new Int16Array(elementCount(properties.originalShape));
    const { offset, strides } = placement(properties);
    const emit: EmitLabels = (k, j, i, row, first, count) => {
      let to = offset + k * strides[0] + j * strides[1] + i * strides[2];
      for (let n = 0; n < count; n++, to += strides[2]) data[to] = row[first + n]!;
    };
    const options = scoreResampling(properties, configuration);
    const { order: planeOrder, separateAxis: { axis: across, order: acrossOrder } = { axis: 0, order: planeOrder } } =
      options;
    this.#decider =
      planeOrder === 3 || acrossOrder === 3
        ? {
            // A cubic spline reaches over the whole image.
            decide: (scores, end) => {
              if (end === from[0]) decideByWholeChannels(scores, target, options, rule, emit);
            },
            neededAfter: (end) => (end < from[0] ? 0 : end),
          }
        : new LabelDecider(from, target, { across, acrossOrder, planeOrder }, rule, emit);
    this.segmentation = { data, shape: [1, ...properties.originalShape], geometry: properties.geometry };
  }

  /** The first plane of the scores that is still needed once those below `end` are final and decided upon. */
  neededAfter(end: number): number {
    return this.#decider.neededAfter(end);
  }

  /**
   * Decides what needs no plane of the scores from `end` on.
   *
   * @param scores - of which at least the planes from `neededAfter` of the last call on are there
   * @throws {InvalidArgumentError} if a score is NaN or infinite
   */
  decide(scores: ScoreSource, end: number): void {
    this.#decider.decide(scores, end);
  }
}

function decisionRule({ regions, regionsClassOrder }: LabelSet, kind: "logits" | "probabilities"): DecisionRule {
  if (!regions) return { kind: "highest" };
  if (regionsClassOrder?.length !== regions.length) {
    const expected = `one label per region (${regions.length}) in dataset.json`;
    throw new InvalidArgumentError("regions_class_order", expected, regionsClassOrder);
  }
  // sigmoid(x) > 0.5 is x > 0
  return { kind: "regions", labels: regionsClassOrder, threshold: kind === "logits" ? 0 : 0.5 };
}

/**
 * The probabilities of one case in the original image, for `--save-probabilities`. This one is as big as it says:
 * channels × original voxels × 4 bytes (a CT of 512³ with 117 classes: 63 GB); {@link probabilityChannels} is not.
 *
 * Outside the crop background has probability 1 (regions: all 0). Logits become probabilities after resampling.
 *
 * @param scores - logits or probabilities, [channel, z, y, x] on the preprocessed grid
 * @returns [channel, z, y, x] in the axes and geometry of the original image
 * @throws {ShapeMismatchError} if the channels do not fit the labels or the data does not fit the shape
 */
export function restoreProbabilities(
  scores: Float32Array | ScoreSource,
  scoresShape: VolumeShape,
  properties: PreprocessedProperties,
  configuration: Configuration,
  labels: LabelSet,
  options: RestoreOptions = {},
): Volume<Float32Array> {
  const { originalShape, geometry } = properties;
  const voxels = elementCount(originalShape);
  const data = new Float32Array(scoresShape[0] * voxels);
  let first = 0;
  for (const channel of probabilityChannels(scores, scoresShape, properties, configuration, labels, options)) {
    data.set(channel, first);
    first += voxels;
  }
  return { data, shape: [scoresShape[0], ...originalShape], geometry };
}

/**
 * The channels of {@link restoreProbabilities} one after the other, [z, y, x] each; the same array is handed out every
 * time. Holds five numbers per voxel of the original image, however many channels there are.
 *
 * @param scores - an array, or wherever else they lie
 */
export function* probabilityChannels(
  scores: Float32Array | ScoreSource,
  scoresShape: VolumeShape,
  properties: PreprocessedProperties,
  configuration: Configuration,
  labels: LabelSet,
  { kind = "logits" }: RestoreOptions = {},
): Generator<Float32Array> {
  const source = "channel" in scores ? scores : scoresInMemory(scores, scoresShape);
  checkChannels(scoresShape, labels);
  const [channels, ...spatial] = scoresShape;
  const target = properties.shapeAfterCropping;
  const options = scoreResampling(properties, configuration);
  const out = new Float32Array(elementCount(target));
  const resampled = (c: number) => resampleImage(source.channel(c), spatial, target, { ...options, out });
  const toProbabilities =
    kind === "probabilities" ? undefined : labels.regions ? sigmoid : softmaxOver(channels, resampled, out.length);
  const image = new Float32Array(elementCount(properties.originalShape));
  const { offset, strides } = placement(properties);
  for (let c = 0; c < channels; c++) {
    const values = resampled(c);
    toProbabilities?.(values);
    image.fill(c === 0 && !labels.regions ? 1 : 0);
    for (let row = 0, i = 0; row < target[0] * target[1]; row++) {
      const [k, j] = [Math.floor(row / target[1]), row % target[1]];
      let to = offset + k * strides[0] + j * strides[1];
      for (const end = i + target[2]; i < end; i++, to += strides[2]) image[to] = values[i]!;
    }
    yield image;
  }
}

/** In place. */
function sigmoid(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = 1 / (1 + Math.exp(-values[i]!));
}

/**
 * Sums over all channels first, so that each can then be made a probability without the others. The highest logit is
 * taken out of the exponents; where a later channel exceeds it, the sum so far is scaled.
 */
function softmaxOver(
  channels: number,
  logitsOf: (channel: number) => Float32Array,
  voxels: number,
): (values: Float32Array) => void {
  const highest = new Float32Array(voxels).fill(-Infinity);
  const sum = new Float64Array(voxels);
  for (let c = 0; c < channels; c++) {
    const logits = logitsOf(c);
    for (let i = 0; i < voxels; i++) {
      const logit = logits[i]!;
      if (logit > highest[i]!) {
        sum[i] = sum[i]! * Math.exp(highest[i]! - logit) + 1;
        highest[i] = logit;
      } else sum[i]! += Math.exp(logit - highest[i]!);
    }
  }
  return (values) => {
    for (let i = 0; i < voxels; i++) values[i] = Math.exp(values[i]! - highest[i]!) / sum[i]!;
  };
}

/** For cubic scores: resamples one channel after the other as a whole. */
function decideByWholeChannels(
  scores: ScoreSource,
  target: Shape3,
  options: ResampleImageOptions,
  rule: DecisionRule,
  emit: EmitLabels,
): void {
  const [channels, ...shape] = scores.shape;
  const decided = new Int16Array(elementCount(target));
  const best = new Float32Array(rule.kind === "highest" ? decided.length : 0);
  const values = new Float32Array(decided.length);
  for (let c = 0; c < channels; c++) {
    resampleImage(scores.channel(c), shape, target, { ...options, out: values });
    for (let i = 0; i < decided.length; i++) {
      if (rule.kind === "regions") {
        if (values[i]! > rule.threshold) decided[i] = rule.labels[c]!;
      } else if (c === 0 || values[i]! > best[i]!) {
        best[i] = values[i]!;
        decided[i] = c;
      }
    }
  }
  for (let row = 0; row < target[0] * target[1]; row++) {
    emit(Math.floor(row / target[1]), row % target[1], 0, decided, row * target[2], target[2]);
  }
}

function scoreResampling(properties: PreprocessedProperties, configuration: Configuration): ResampleImageOptions {
  return kernelOptions(
    configuration.resamplingProbabilities,
    properties.spacingAfterResampling,
    properties.spacingAfterTranspose,
    "resampling_fn_probabilities",
  );
}

/** Where voxel [0, 0, 0] of the crop lies in the original array, and the step of each cropped axis there. */
function placement(properties: PreprocessedProperties): { offset: number; strides: [number, number, number] } {
  const [, height, width] = properties.originalShape;
  const original = [height * width, width, 1];
  const strides = properties.transposeForward.map((axis) => original[axis]!) as [number, number, number];
  const offset = properties.cropBox.reduce((sum, [first], i) => sum + first * strides[i]!, 0);
  return { offset, strides };
}

function checkChannels(shape: VolumeShape, labels: LabelSet): void {
  if (shape.length === 4 && shape[0] === labels.outputChannels) return;
  const expected = [labels.outputChannels, ...shape.slice(1)];
  throw new ShapeMismatchError("scores", expected, shape, "one channel per class or region");
}
