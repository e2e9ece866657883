import { powerTable } from "./power.ts";

/**
 * Multiplies every voxel by `factor` (paper, Supplement D, step 4).
 *
 * @param out - written and returned; may be `channel` itself
 */
export function scaleBrightness(
  channel: Float32Array,
  factor: number,
  out: Float32Array = new Float32Array(channel.length),
) {
  for (let i = 0; i < channel.length; i++) out[i] = channel[i]! * factor;
  return out;
}

/**
 * Stretches the values of one channel by `factor` and clips them to the channel's old range.
 *
 * The paper multiplies the values (`around: "zero"`); the reference code multiplies their distance from the
 * channel's mean (`around: "mean"`). After normalisation the two are nearly the same.
 *
 * @param out - written and returned; may be `channel` itself
 * @see paper, Supplement D, step 5; docs/method.md §4.3
 */
export function scaleContrast(
  channel: Float32Array,
  factor: number,
  around: "zero" | "mean",
  out: Float32Array = new Float32Array(channel.length),
): Float32Array {
  const { minimum, maximum, mean } = statistics(channel);
  const centre = around === "mean" ? mean : 0;
  for (let i = 0; i < channel.length; i++) {
    // Min and max instead of comparisons: a branch that random voxels decide costs more.
    out[i] = Math.min(Math.max((channel[i]! - centre) * factor + centre, minimum), maximum);
  }
  return out;
}

/**
 * Raises the values of one channel, mapped to [0, 1] over their range, to the power `gamma`, and maps them back.
 *
 * @param options.inverted - the power is taken of 1 − value
 * @param options.keepStatistics - afterwards mean and standard deviation are set to what they were (reference code)
 * @param out - written and returned; may be `channel` itself
 * @see paper, Supplement D, step 7; docs/method.md §4.3
 */
export function applyGamma(
  channel: Float32Array,
  gamma: number,
  { inverted = false, keepStatistics = false }: { inverted?: boolean; keepStatistics?: boolean } = {},
  out: Float32Array = new Float32Array(channel.length),
): Float32Array {
  const before = statistics(channel);
  // The reference adds 1e-7 so that a constant channel survives.
  const range = before.maximum - before.minimum + 1e-7;
  const scale = inverted ? -range : range;
  const origin = inverted ? before.maximum : before.minimum;
  const raise = powerTable(gamma);
  let sum = 0;
  let squares = 0;
  for (let first = 0; first < out.length; first += BLOCK) {
    const count = Math.min(BLOCK, out.length - first);
    for (let i = 0; i < count; i++) unit[i] = (channel[first + i]! - origin) / scale;
    raise(unit, count);
    for (let i = 0; i < count; i++) {
      const value = unit[i]!;
      sum += value;
      squares += value * value;
      out[first + i] = value * scale + origin;
    }
  }
  if (!keepStatistics) return out;
  const mean = sum / out.length;
  const deviation = Math.sqrt(Math.max(0, squares / out.length - mean * mean)) * range;
  const stretch = before.standardDeviation / (deviation + 1e-8);
  const middle = mean * scale + origin;
  for (let i = 0; i < out.length; i++) out[i] = (out[i]! - middle) * stretch + before.mean;
  return out;
}

/** Voxels worked on at a time, so that they stay in the cache; the scratch is not in use while anything is awaited. */
const BLOCK = 2048;
const unit = new Float32Array(BLOCK);

/** Range, mean and population standard deviation, accumulated in float64. */
function statistics(channel: Float32Array) {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  let sum = 0;
  // Squares are taken about the first value, so that a large common offset does not cancel.
  const shift = channel[0] ?? 0;
  let squares = 0;
  for (let i = 0; i < channel.length; i++) {
    const value = channel[i]!;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    const d = value - shift;
    sum += d;
    squares += d * d;
  }
  const n = Math.max(1, channel.length);
  const mean = sum / n;
  return {
    minimum,
    maximum,
    mean: mean + shift,
    standardDeviation: Math.sqrt(Math.max(0, squares / n - mean * mean)),
  };
}
