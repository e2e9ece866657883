import { raiseVoxels } from "./power.ts";
import { runVoxelSteps } from "./voxel-simd.ts";
import { voxelRange, voxelStatistics } from "./voxel-statistics.ts";

/** false: keep to the TypeScript loops where WebAssembly would run. The numbers are the same. */
export interface SimdOption {
  readonly simd?: boolean;
}

/**
 * Multiplies every voxel by `factor` in float32 (paper, Supplement D, step 4).
 *
 * @param out - written and returned; may be `channel` itself
 */
export function scaleBrightness(
  channel: Float32Array,
  factor: number,
  out: Float32Array = new Float32Array(channel.length),
  { simd = true }: SimdOption = {},
): Float32Array {
  if (simd && runVoxelSteps(channel, out, (wasm, src, dst, n) => wasm.scale(src, dst, n, factor))) return out;
  const factor32 = Math.fround(factor);
  for (let i = 0; i < channel.length; i++) out[i] = channel[i]! * factor32;
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
  { simd = true }: SimdOption = {},
): Float32Array {
  if (around === "zero") stretch(channel, { ...voxelRange(channel, simd), from: 0, factor, to: 0 }, out, simd);
  else {
    const { minimum, maximum, mean } = voxelStatistics(channel, simd);
    stretch(channel, { minimum, maximum, from: mean, factor, to: mean }, out, simd);
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
  {
    inverted = false,
    keepStatistics = false,
    simd = true,
  }: { inverted?: boolean; keepStatistics?: boolean } & SimdOption = {},
  out: Float32Array = new Float32Array(channel.length),
): Float32Array {
  const before = keepStatistics ? voxelStatistics(channel, simd) : undefined;
  const { minimum, maximum } = before ?? voxelRange(channel, simd);
  // The reference adds 1e-7 so that a constant channel survives.
  const extent = maximum - minimum + 1e-7;
  const [origin, signed] = inverted ? [maximum, -extent] : [minimum, extent];
  raiseVoxels(channel, gamma, { origin, inverse: 1 / extent, extent: signed, low: minimum, high: maximum }, out, simd);
  if (before === undefined) return out;
  const after = voxelStatistics(out, simd);
  const factor = before.standardDeviation / (after.standardDeviation + 1e-8);
  const everything = { minimum: Number.NEGATIVE_INFINITY, maximum: Number.POSITIVE_INFINITY };
  stretch(out, { ...everything, from: after.mean, factor, to: before.mean }, out, simd);
  return out;
}

interface Stretch {
  readonly minimum: number;
  readonly maximum: number;
  readonly from: number;
  readonly factor: number;
  readonly to: number;
}

/** `(v − from) · factor + to` in float32, limited to [minimum, maximum]. */
function stretch(channel: Float32Array, { minimum, maximum, ...line }: Stretch, out: Float32Array, simd: boolean) {
  const { fround } = Math;
  const [from, factor, to] = [fround(line.from), fround(line.factor), fround(line.to)];
  if (
    simd &&
    runVoxelSteps(channel, out, (wasm, src, dst, n) => wasm.stretch(src, dst, n, from, factor, to, minimum, maximum))
  ) {
    return;
  }
  for (let i = 0; i < channel.length; i++) {
    let v = fround(fround(fround(channel[i]! - from) * factor) + to);
    if (v < minimum) v = minimum;
    if (v > maximum) v = maximum;
    out[i] = v;
  }
}
