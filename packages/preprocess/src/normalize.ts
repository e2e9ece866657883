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
  channelNormalizer((visit) => visit(data, 0), scheme, properties, mask)(data, 0);
}

/** Shows the voxels of a channel, part after part, each with the number of its first voxel; may be called repeatedly. */
export type ChannelParts = (visit: (values: Float32Array, first: number) => void) => void;

/**
 * Normalises a part of a channel in place; `first` is the number of its first voxel. Where the axes of the part are in
 * another order than those of the channel, `mask` is the mask in that order, and `first` counts in it.
 */
export type PartNormalizer = (values: Float32Array, first: number, mask?: ArrayLike<number>) => void;

/**
 * {@link normalizeChannel} of a channel that comes in parts: statistics are taken first, over all of them. Arguments,
 * errors and every bit are the same.
 */
export function channelNormalizer(
  parts: ChannelParts,
  scheme: NormalizationScheme,
  properties?: IntensityProperties,
  mask?: ArrayLike<number>,
): PartNormalizer {
  if (!Object.hasOwn(normalizers, scheme)) {
    throw new InvalidArgumentError("scheme", `one of ${Object.keys(normalizers).join(", ")}`, scheme);
  }
  return normalizers[scheme](parts, properties, mask);
}

type Normalizer = (parts: ChannelParts, properties?: IntensityProperties, mask?: ArrayLike<number>) => PartNormalizer;

const normalizers: Readonly<Record<NormalizationScheme, Normalizer>> = {
  CT: (_, properties) => normalizeCt(properties),
  ZScore: (parts, _, mask) => (mask ? zScoreInMask(parts, mask) : zScore(parts)),
  NoNormalization: () => () => {},
  Rescale0To1: rescaleToUnit,
  RGBTo0To1: () => rescaleRgb,
};

function normalizeCt(properties: IntensityProperties | undefined): PartNormalizer {
  if (!properties) {
    throw new InvalidArgumentError(
      "foregroundIntensityPerChannel",
      "statistics of every CT channel; run the fingerprint again",
      properties,
    );
  }
  const { mean, std, percentile005: low, percentile995: high } = properties;
  const divisor = Math.max(std, EPSILON);
  return (data) => {
    for (let i = 0; i < data.length; i++) {
      const v = data[i]!;
      data[i] = ((v < low ? low : Math.min(v, high)) - mean) / divisor;
    }
  };
}

// Sums are carried from part to part in a local number: the order of the additions is that of the whole channel.

function zScore(parts: ChannelParts): PartNormalizer {
  let [count, sum, squares] = [0, 0, 0];
  parts((data) => {
    let total = sum;
    for (let i = 0; i < data.length; i++) total += data[i]!;
    [count, sum] = [count + data.length, total];
  });
  const mean = sum / count;
  parts((data) => {
    let total = squares;
    for (let i = 0; i < data.length; i++) total += (data[i]! - mean) ** 2;
    squares = total;
  });
  const divisor = Math.max(Math.sqrt(squares / count), EPSILON);
  return (data) => {
    for (let i = 0; i < data.length; i++) data[i] = (data[i]! - mean) / divisor;
  };
}

function zScoreInMask(parts: ChannelParts, mask: ArrayLike<number>): PartNormalizer {
  let [count, sum, squares] = [0, 0, 0];
  parts((data, first) => {
    let [inside, total] = [count, sum];
    for (let i = 0; i < data.length; i++) {
      if (mask[first + i] === 0) continue;
      inside++;
      total += data[i]!;
    }
    [count, sum] = [inside, total];
  });
  if (count === 0) return (data) => void data.fill(0);
  const mean = sum / count;
  parts((data, first) => {
    let total = squares;
    for (let i = 0; i < data.length; i++) if (mask[first + i] !== 0) total += (data[i]! - mean) ** 2;
    squares = total;
  });
  const divisor = Math.max(Math.sqrt(squares / count), EPSILON);
  return (data, first, own = mask) => {
    for (let i = 0; i < data.length; i++) data[i] = own[first + i] === 0 ? 0 : (data[i]! - mean) / divisor;
  };
}

function rescaleToUnit(parts: ChannelParts): PartNormalizer {
  let [low, high] = [Infinity, -Infinity];
  parts((data) => {
    let [least, most] = [low, high];
    for (let i = 0; i < data.length; i++) {
      const v = data[i]!;
      if (v < least) least = v;
      if (v > most) most = v;
    }
    [low, high] = [least, most];
  });
  const divisor = Math.max(high - low, EPSILON);
  return (data) => {
    for (let i = 0; i < data.length; i++) data[i] = (data[i]! - low) / divisor;
  };
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
