import {
  type DatasetJson,
  InvalidArgumentError,
  type LoadedCase,
  labelSet,
  type Shape3,
  ShapeMismatchError,
  type Spacing,
} from "@nnunet/core";
import { type Box, boxShape, nonzeroRegion } from "@nnunet/kernels";
import { type IntensityHistogram, intensityHistogram } from "./intensity-histogram.ts";

/** What a single case contributes besides its intensities. */
export interface CaseRecord {
  readonly id: string;
  readonly spacing: Spacing;
  readonly shapeBeforeCrop: Shape3;
  readonly shapeAfterCrop: Shape3;
  /** Voxels of each label id in the whole label volume. */
  readonly labelVoxels: Readonly<Record<string, number>>;
  /** Index = channel. */
  readonly foreground: readonly ForegroundMoments[];
}

/** Over the foreground voxels of one channel of one case. */
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
  /** Index = channel. */
  readonly histograms: readonly IntensityHistogram[];
}

/**
 * Measures one training case: shapes before and after cropping to the nonzero region, spacing, class frequencies, and
 * the intensities of its foreground, that is of all voxels of any class (not of background or the ignore label).
 *
 * @param loaded - image [channel, z, y, x] and label [1, z, y, x]
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
  const where = foregroundVoxels(label.data, spatial, box, labelSet(dataset).foreground, labelVoxels);
  const values = new Float32Array(where.length);
  const foreground: ForegroundMoments[] = [];
  const histograms: IntensityHistogram[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const voxels = image.data.subarray(channel * label.data.length, (channel + 1) * label.data.length);
    for (let i = 0; i < where.length; i++) values[i] = voxels[where[i]!]!;
    const moments = foregroundMoments(values);
    if (!Number.isFinite(moments.squares)) {
      const what = `finite intensities in the foreground of channel ${channel}; \`verify()\` lists such voxels`;
      const wrong = values.find((value) => !Number.isFinite(value));
      throw new InvalidArgumentError(`image of case ${id}`, what, wrong);
    }
    foreground.push(moments);
    histograms.push(intensityHistogram(values));
  }
  const record: CaseRecord = {
    id,
    spacing: image.geometry.spacing,
    shapeBeforeCrop: spatial,
    shapeAfterCrop: boxShape(box) as unknown as Shape3,
    labelVoxels,
    foreground,
  };
  return { cases: [record], histograms };
}

/** Voxels of each label id that occurs. */
function countLabels(labels: Int16Array): Record<string, number> {
  const counts = new Float64Array(65536);
  for (let i = 0; i < labels.length; i++) counts[labels[i]! & 0xffff]!++;
  const found: Record<string, number> = {};
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) found[String((i << 16) >> 16)] = counts[i]!;
  return found;
}

/** Flat indices of the voxels inside the box that belong to a class. */
function foregroundVoxels(
  labels: Int16Array,
  [, height, width]: Shape3,
  box: Box,
  classes: readonly number[],
  labelVoxels: Readonly<Record<string, number>>,
): Uint32Array {
  const isForeground = new Uint8Array(65536);
  for (const id of classes) isForeground[id & 0xffff] = 1;
  const atMost = classes.reduce((sum, id) => sum + (labelVoxels[String(id)] ?? 0), 0);
  const found = new Uint32Array(atMost);
  let count = 0;
  const [[z0, z1], [y0, y1], [x0, x1]] = box as readonly [Pair, Pair, Pair];
  for (let z = z0; z < z1; z++) {
    for (let y = y0; y < y1; y++) {
      const row = (z * height + y) * width;
      for (let i = row + x0; i < row + x1; i++) if (isForeground[labels[i]! & 0xffff]) found[count++] = i;
    }
  }
  return found.subarray(0, count);
}

type Pair = readonly [first: number, end: number];

function foregroundMoments(values: Float32Array): ForegroundMoments {
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = values.length === 0 ? 0 : sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2;
  return { count: values.length, mean, squares, min, max };
}
