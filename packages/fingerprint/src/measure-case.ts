import {
  type DatasetJson,
  InvalidArgumentError,
  type LabelSet,
  type LoadedCase,
  labelSet,
  type Shape3,
  ShapeMismatchError,
  type Spacing,
} from "@nnunet/core";
import { type Box, boxShape, nonzeroRegion } from "@nnunet/kernels";
import { drawing } from "./draw-voxels.ts";
import { type IntensityHistogram, intensityHistogram } from "./intensity-histogram.ts";

/** What a single case contributes besides its intensities. */
export interface CaseRecord {
  readonly id: string;
  readonly spacing: Spacing;
  readonly shapeBeforeCrop: Shape3;
  readonly shapeAfterCrop: Shape3;
  /** Voxels of each label id in the whole label volume. */
  readonly labelVoxels: Readonly<Record<string, number>>;
  /** Of all voxels of any class. Index = channel. */
  readonly foreground: readonly ForegroundMoments[];
  /** Of the voxels that nnU-Net v2 draws. Index = channel. */
  readonly drawn: readonly ForegroundMoments[];
}

/** Over foreground voxels of one channel of one case. */
export interface ForegroundMoments {
  readonly count: number;
  readonly mean: number;
  /** Sum of squared distances from `mean`. */
  readonly squares: number;
  /** Infinity if there is no foreground. */
  readonly min: number;
  readonly max: number;
}

/** What one case, or several merged, contribute to the fingerprint: plain data that can be posted between workers. */
export interface CaseMeasurement {
  readonly cases: readonly CaseRecord[];
  /** Of all voxels of any class. Index = channel. */
  readonly histograms: readonly IntensityHistogram[];
  /** Of the voxels that nnU-Net v2 draws. Index = channel. */
  readonly drawnHistograms: readonly IntensityHistogram[];
}

/**
 * Measures one training case: shapes before and after cropping to the nonzero region, spacing, class frequencies, and
 * the intensities of its foreground twice: of all voxels of any class (not of background or the ignore label), and of
 * those that nnU-Net v2 draws.
 *
 * @param loaded - image [channel, z, y, x] and label [1, z, y, x]
 * @param dataset - `numTraining` is the number of cases that are measured: v2 draws fewer voxels of each, the more there are
 * @throws {InvalidArgumentError} if the case has no label, or a foreground voxel is NaN or infinite
 * @throws {ShapeMismatchError} if label and image differ in shape, or the channels are not those of the dataset
 * @see Isensee et al. 2021, Methods, "Dataset fingerprints"; docs/method.md §1
 */
export function measureCase(loaded: LoadedCase, dataset: DatasetJson): CaseMeasurement {
  const { id, image, label } = loaded;
  if (!label) {
    throw new InvalidArgumentError(`label of case ${id}`, "a label volume; a fingerprint needs labels", label);
  }
  const [channels, ...spatial] = image.shape;
  if (label.shape.join() !== [1, ...spatial].join()) {
    throw new ShapeMismatchError(`label of case ${id}`, [1, ...spatial], label.shape);
  }
  if (channels !== dataset.channelNames.length) {
    const expected = [dataset.channelNames.length, ...spatial];
    throw new ShapeMismatchError(`image of case ${id}`, expected, image.shape, "dataset.json lists other channels");
  }
  const { box } = nonzeroRegion(image.data, image.shape);
  const labelVoxels = countLabels(label.data);
  const where = labelledVoxels(label.data, spatial, box, labelVoxels);
  const ofClass = classWeights(label.data, where, labelSet(dataset));
  const values = new Float32Array(where.length);
  const draw = drawing(where.length, dataset.numTraining);
  const foreground: ForegroundMoments[] = [];
  const drawn: ForegroundMoments[] = [];
  const histograms: IntensityHistogram[] = [];
  const drawnHistograms: IntensityHistogram[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const voxels = image.data.subarray(channel * label.data.length, (channel + 1) * label.data.length);
    for (let i = 0; i < where.length; i++) values[i] = voxels[where[i]!]!;
    const wrong = values.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) {
      const what = `finite intensities in the foreground of channel ${channel}; \`verify()\` lists such voxels`;
      throw new InvalidArgumentError(`image of case ${id}`, what, wrong);
    }
    foreground.push(foregroundMoments(values, ofClass));
    histograms.push(intensityHistogram(values, ofClass));
    const counts = draw();
    drawn.push(foregroundMoments(values, counts));
    drawnHistograms.push(intensityHistogram(values, counts));
  }
  const record: CaseRecord = {
    id,
    spacing: image.geometry.spacing,
    shapeBeforeCrop: spatial,
    shapeAfterCrop: boxShape(box) as unknown as Shape3,
    labelVoxels,
    foreground,
    drawn,
  };
  return { cases: [record], histograms, drawnHistograms };
}

/** Voxels of each label id that occurs. */
function countLabels(labels: Int16Array): Record<string, number> {
  const counts = new Float64Array(65536);
  for (let i = 0; i < labels.length; i++) counts[labels[i]! & 0xffff]!++;
  const found: Record<string, number> = {};
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) found[String((i << 16) >> 16)] = counts[i]!;
  return found;
}

/** Flat indices of the voxels inside the box that have a label, the ignore label among them: v2's foreground. */
function labelledVoxels(
  labels: Int16Array,
  [, height, width]: Shape3,
  box: Box,
  labelVoxels: Readonly<Record<string, number>>,
): Uint32Array {
  const atMost = Object.entries(labelVoxels).reduce((sum, [id, voxels]) => sum + (Number(id) > 0 ? voxels : 0), 0);
  const found = new Uint32Array(atMost);
  let count = 0;
  const [[z0, z1], [y0, y1], [x0, x1]] = box as readonly [Pair, Pair, Pair];
  for (let z = z0; z < z1; z++) {
    for (let y = y0; y < y1; y++) {
      const row = (z * height + y) * width;
      for (let i = row + x0; i < row + x1; i++) if (labels[i]! > 0) found[count++] = i;
    }
  }
  return found.subarray(0, count);
}

type Pair = readonly [first: number, end: number];

/** 1 for a voxel of a class, 0 for one of the ignore label (or of a label that the dataset does not know); undefined if all are of a class. */
function classWeights(labels: Int16Array, where: Uint32Array, { foreground }: LabelSet): Uint8Array | undefined {
  const isClass = new Uint8Array(65536);
  for (const id of foreground) isClass[id & 0xffff] = 1;
  const weights = Uint8Array.from(where, (i) => isClass[labels[i]! & 0xffff]!);
  return weights.includes(0) ? weights : undefined;
}

function foregroundMoments(values: Float32Array, weights?: ArrayLike<number>): ForegroundMoments {
  let [count, sum] = [0, 0];
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const weight = weights ? weights[i]! : 1;
    if (weight === 0) continue;
    const value = values[i]!;
    count += weight;
    sum += weight * value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = count === 0 ? 0 : sum / count;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (weights ? weights[i]! : 1) * (values[i]! - mean) ** 2;
  return { count, mean, squares, min, max };
}
