import { type IntensityProperties, InvalidArgumentError, type NormalizationScheme } from "@nnunet/core";

/** Smallest divisor: an image of one value becomes 0, not NaN. */
const EPSILON = 1e-8;

/**
 * Normalises one channel in place.
 *
 * - `CT`: clip to the 0.5 and 99.5 percentiles of the dataset's foreground, subtract its mean, divide by its standard deviation
 * - `ZScore`: subtract the image's own mean, divide by its (population) standard deviation; with a mask the statistics
 *   come from inside alone, and outside becomes 0
 * - `Rescale0To1`: subtract the minimum, divide by the maximum of the result
 * - `RGBTo0To1`: divide by 255
 * - `NoNormalization`: nothing
 *
 * Statistics accumulate in float64.
 *
 * @param data - voxels of one channel
 * @param properties - of the channel over the dataset; needed for CT alone
 * @param mask - per voxel, nonzero inside; for z-score in mask
 * @throws {InvalidArgumentError} if CT lacks its statistics, or RGB values leave 0 … 255
 * @example normalizeChannel(Float32Array.of(1, 3), "ZScore"); // the array becomes [-1, 1]
 * @see Isensee et al. 2021, Methods, "Intensity normalization"; docs/method.md §3
 */
export function normalizeChannel(
  data: Float32Array,
  scheme: NormalizationScheme,
  properties?: IntensityProperties,
  mask?: ArrayLike<number>,
): void {
  if (!Object.hasOwn(normalizers, scheme)) {
    throw new InvalidArgumentError("scheme", `one of ${Object.keys(normalizers).join(", ")}`, scheme);
  }
  normalizers[scheme](data, properties, mask);
}

type Normalizer = (data: Float32Array, properties?: IntensityProperties, mask?: ArrayLike<number>) => void;

const normalizers: Readonly<Record<NormalizationScheme, Normalizer>> = {
  CT: normalizeCt,
  ZScore: (data, _, mask) => (mask ? zScoreInMask(data, mask) : zScore(data)),
  NoNormalization: () => {},
  Rescale0To1: rescaleToUnit,
  RGBTo0To1: rescaleRgb,
};

function normalizeCt(data: Float32Array, properties: IntensityProperties | undefined): void {
  if (!properties) {
    throw new InvalidArgumentError(
      "foregroundIntensityPerChannel",
      "statistics of every CT channel; run the fingerprint again",
      properties,
    );
  }
  const { mean, std, percentile005: low, percentile995: high } = properties;
  const divisor = Math.max(std, EPSILON);
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    data[i] = ((v < low ? low : Math.min(v, high)) - mean) / divisor;
  }
}

function zScore(data: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]!;
  const mean = sum / data.length;
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i]! - mean) ** 2;
  const divisor = Math.max(Math.sqrt(squares / data.length), EPSILON);
  for (let i = 0; i < data.length; i++) data[i] = (data[i]! - mean) / divisor;
}

function zScoreInMask(data: Float32Array, mask: ArrayLike<number>): void {
  let count = 0;
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    if (mask[i] === 0) continue;
    count++;
    sum += data[i]!;
  }
  if (count === 0) {
    data.fill(0);
    return;
  }
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < data.length; i++) if (mask[i] !== 0) squares += (data[i]! - mean) ** 2;
  const divisor = Math.max(Math.sqrt(squares / count), EPSILON);
  for (let i = 0; i < data.length; i++) data[i] = mask[i] === 0 ? 0 : (data[i]! - mean) / divisor;
}

function rescaleToUnit(data: Float32Array): void {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const divisor = Math.max(high - low, EPSILON);
  for (let i = 0; i < data.length; i++) data[i] = (data[i]! - low) / divisor;
}

function rescaleRgb(data: Float32Array): void {
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    if (!(v >= 0 && v <= 255)) {
      throw new InvalidArgumentError(
        "image",
        "RGB values from 0 to 255; give the channels other names in dataset.json",
        v,
      );
    }
    data[i] = v / 255;
  }
}
