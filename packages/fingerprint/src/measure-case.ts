import {
  type DatasetJson,
  InvalidArgumentError,
  type LoadedCase,
  labelSet,
  type Shape3,
  ShapeMismatchError,
  type Spacing,
} from "@nnunet/core";
import { nonzeroRegion } from "@nnunet/kernels";
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
 * @see Isensee et al. 2021, Methods, "Dataset fingerprints"; facts.md §1
 */
export function measureCase(loaded: LoadedCase, dataset: DatasetJson): CaseMeasurement {
  const { id, image, label } = loaded;
  if (!label)
    throw new InvalidArgumentError(`label of case ${id}`, "a label volume; a fingerprint needs labels", label);
  const [channels, depth, height, width] = image.shape;
  if (label.data.length !== depth * height * width) {
    throw new ShapeMismatchError(`label of case ${id}`, [1, depth, height, width], label.shape);
  }
  if (channels !== dataset.channelNames.length) {
    const expected = [dataset.channelNames.length, depth, height, width];
    throw new ShapeMismatchError(`image of case ${id}`, expected, image.shape, "dataset.json lists other channels");
  }
  const [zs, ys, xs] = nonzeroRegion(image.data, image.shape).box as [
    [number, number],
    [number, number],
    [number, number],
  ];

  const isForeground = foregroundTable(dataset);
  const counts = new Float64Array(65536);
  for (let i = 0; i < label.data.length; i++) counts[label.data[i]! & 0xffff]!++;
  const labelVoxels: Record<string, number> = {};
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) labelVoxels[String((i << 16) >> 16)] = counts[i]!;

  let foregroundVoxels = 0;
  const where = new Uint32Array(label.data.length);
  for (let z = zs[0]; z < zs[1]; z++) {
    for (let y = ys[0]; y < ys[1]; y++) {
      const row = (z * height + y) * width;
      for (let i = row + xs[0]; i < row + xs[1]; i++) {
        if (isForeground[label.data[i]! & 0xffff]) where[foregroundVoxels++] = i;
      }
    }
  }
  const values = new Float32Array(foregroundVoxels);
  const foreground: ForegroundMoments[] = [];
  const histograms: IntensityHistogram[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const offset = channel * depth * height * width;
    for (let i = 0; i < foregroundVoxels; i++) values[i] = image.data[offset + where[i]!]!;
    const moments = foregroundMoments(values);
    if (!Number.isFinite(moments.squares)) {
      const what = `finite intensities in the foreground of channel ${channel}; \`nnunet verify\` lists such voxels`;
      throw new InvalidArgumentError(
        `image of case ${id}`,
        what,
        values.find((value) => !Number.isFinite(value)),
      );
    }
    foreground.push(moments);
    histograms.push(intensityHistogram(values));
  }
  const record: CaseRecord = {
    id,
    spacing: image.geometry.spacing,
    shapeBeforeCrop: [depth, height, width],
    shapeAfterCrop: [zs[1] - zs[0], ys[1] - ys[0], xs[1] - xs[0]],
    labelVoxels,
    foreground,
  };
  return { cases: [record], histograms };
}

/** 1 for each label id (as 16 unsigned bits) that belongs to a class. */
function foregroundTable(dataset: DatasetJson): Uint8Array {
  const table = new Uint8Array(65536);
  for (const id of labelSet(dataset).foreground) table[id & 0xffff] = 1;
  return table;
}

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
