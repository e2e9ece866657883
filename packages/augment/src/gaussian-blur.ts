import { InvalidArgumentError, type Shape3 } from "@nnunet/core";
import type { SimdOption } from "./intensity.ts";
import { BLUR_LAYOUT, runOnWhole, type VoxelExports } from "./voxel-simd.ts";

export interface BlurOptions extends SimdOption {
  /**
   * What lies beyond the border. `symmetric` repeats the border voxel (b a | a b c), `reflect` does not (c b | a b c).
   */
  readonly boundary?: "symmetric" | "reflect";
  /** Half width of the kernel in voxels for a given σ. By default 4σ, rounded. */
  readonly radius?: (sigma: number) => number;
}

/** Half width of nnU-Net v2's kernel, whose width is the odd number nearest to 6σ + 0.5. */
export const v2BlurRadius = (sigma: number) => Math.round((6 * sigma - 0.5) / 2);

/**
 * Convolves one channel with a Gaussian, axis by axis.
 *
 * @param channel - [z, y, x] of `shape`
 * @param sigma - standard deviation per axis [z, y, x], voxels; 0 leaves an axis alone
 * @param out - written and returned; may be `channel` itself
 * @throws {InvalidArgumentError} if a σ is negative or not a number
 * @example gaussianBlur(Float32Array.of(0, 1, 0), [1, 1, 3], [0, 0, 0.5]); // [0.107, 0.786, 0.107]
 * @see paper, Supplement D, step 3; docs/method.md §4.3
 */
export function gaussianBlur(
  channel: Float32Array,
  shape: Shape3,
  sigma: readonly [number, number, number],
  { boundary = "symmetric", radius = (s) => Math.floor(4 * s + 0.5), simd = true }: BlurOptions = {},
  out: Float32Array = new Float32Array(channel.length),
): Float32Array {
  for (const s of sigma) {
    if (!(s >= 0 && s < 1000)) throw new InvalidArgumentError("sigma", "three numbers of voxels, 0 or more", sigma);
  }
  if (out !== channel) out.set(channel);
  const passes: BlurPass[] = [];
  for (let axis = 0; axis < 3; axis++) {
    if (sigma[axis] === 0 || shape[axis] === 1) continue;
    const kernel = halfKernel(sigma[axis]!, radius(sigma[axis]!));
    if (kernel.length === 1) continue;
    passes.push({ axis, kernel, source: paddedSources(shape[axis]!, kernel.length - 1, boundary) });
  }
  const fits = passes.every(
    ({ kernel, source }) => kernel.length <= BLUR_LAYOUT.longestKernel && source.length + 3 <= BLUR_LAYOUT.longestLine,
  );
  const inSimd = (wasm: VoxelExports, address: number) => {
    for (const pass of passes) blurInSimd(wasm, address, out.length, shape, pass);
  };
  if (passes.length > 0 && !(simd && fits && runOnWhole(out, inSimd))) {
    for (const pass of passes) blurAxis(out, shape, pass);
  }
  return out;
}

interface BlurPass {
  readonly axis: number;
  /** Weights at distance 0, 1, … */
  readonly kernel: Float64Array;
  /** For positions −radius … length + radius − 1 of a line: the voxel that is seen there. */
  readonly source: Int32Array;
}

function blurAxis(data: Float32Array, shape: Shape3, { axis, kernel, source }: BlurPass): void {
  if (axis === 2) blurRows(data, shape[2], kernel, source);
  else {
    const { stride, sheets } = sheetsAcross(data.length, shape, axis);
    for (const first of sheets) blurAcrossRows(data, first, stride, shape[2], kernel, source);
  }
}

function blurInSimd(wasm: VoxelExports, address: number, count: number, shape: Shape3, pass: BlurPass): void {
  const { axis, kernel, source } = pass;
  const { buffer } = wasm.memory;
  new Float64Array(buffer, BLUR_LAYOUT.kernel, kernel.length).set(kernel);
  new Int32Array(buffer, BLUR_LAYOUT.source, source.length).set(source);
  const at = [BLUR_LAYOUT.kernel, kernel.length - 1, BLUR_LAYOUT.source, BLUR_LAYOUT.sheet] as const;
  if (axis === 2) wasm.blurRows(address, count / shape[2], shape[2], ...at);
  else {
    const { stride, sheets } = sheetsAcross(count, shape, axis);
    for (const first of sheets) wasm.blurAcross(address + 4 * first, stride, shape[2], shape[axis]!, ...at);
  }
}

/** The sheets of rows that a blur along z (0) or y (1) works on: their first voxels, and the distance of their rows. */
function sheetsAcross(count: number, [nz, ny, nx]: Shape3, axis: number) {
  const stride = axis === 0 ? ny * nx : nx;
  const lines = axis === 0 ? ny : nz;
  const step = axis === 0 ? nx : ny * nx;
  const sheets: number[] = [];
  for (let base = 0; base < count; base += nz * ny * nx) {
    for (let l = 0; l < lines; l++) sheets.push(base + l * step);
  }
  return { stride, sheets };
}

/** Weights at distance 0, 1, … radius; the whole kernel sums to 1. */
function halfKernel(sigma: number, radius: number): Float64Array {
  const kernel = Float64Array.from({ length: radius + 1 }, (_, i) => Math.exp((-0.5 * i * i) / (sigma * sigma)));
  let sum = -kernel[0]!;
  for (const weight of kernel) sum += 2 * weight;
  return kernel.map((weight) => weight / sum);
}

/** For positions −radius … length + radius − 1 of a line: the voxel that is seen there. */
function paddedSources(length: number, radius: number, boundary: "symmetric" | "reflect"): Int32Array {
  const period = boundary === "symmetric" ? 2 * length : Math.max(1, 2 * length - 2);
  return Int32Array.from({ length: length + 2 * radius }, (_, i) => {
    const at = (((i - radius) % period) + period) % period;
    return at < length ? at : boundary === "symmetric" ? period - 1 - at : period - at;
  });
}

function blurRows(data: Float32Array, length: number, kernel: Float64Array, source: Int32Array): void {
  const line = floatScratch(source.length);
  for (let base = 0; base < data.length; base += length) {
    for (let i = 0; i < source.length; i++) line[i] = data[base + source[i]!]!;
    convolveRow(line, kernel.length - 1, 1, length, kernel, data, base);
  }
}

/** Blurs along `stride` a sheet of rows of `width` voxels; the sheet is copied once, so it stays in the cache. */
function blurAcrossRows(
  data: Float32Array,
  base: number,
  stride: number,
  width: number,
  kernel: Float64Array,
  source: Int32Array,
): void {
  const radius = kernel.length - 1;
  const length = source.length - 2 * radius;
  const sheet = floatScratch(source.length * width);
  for (let i = 0, to = 0; i < source.length; i++) {
    const from = base + source[i]! * stride;
    for (let x = 0; x < width; x++) sheet[to++] = data[from + x]!;
  }
  for (let i = 0; i < length; i++)
    convolveRow(sheet, (i + radius) * width, width, width, kernel, data, base + i * stride);
}

/**
 * `width` sums of the kernel over neighbours `step` apart, from `sheet[at]` on. Two pairs of neighbours at a time:
 * a loop over the whole kernel inside the loop over voxels takes three times as long.
 */
function convolveRow(
  sheet: Float64Array,
  at: number,
  step: number,
  width: number,
  kernel: Float64Array,
  out: Float32Array,
  to: number,
): void {
  const radius = kernel.length - 1;
  const sums = sumScratch(width);
  const centre = kernel[0]!;
  for (let x = 0; x < width; x++) sums[x] = centre * sheet[at + x]!;
  let k = 1;
  for (; k + 1 <= radius; k += 2) {
    const near = kernel[k]!;
    const far = kernel[k + 1]!;
    const d = k * step;
    const e = d + step;
    for (let x = 0, p = at; x < width; x++, p++) {
      sums[x]! += near * (sheet[p - d]! + sheet[p + d]!) + far * (sheet[p - e]! + sheet[p + e]!);
    }
  }
  if (k === radius) {
    const weight = kernel[k]!;
    const d = k * step;
    for (let x = 0, p = at; x < width; x++, p++) sums[x]! += weight * (sheet[p - d]! + sheet[p + d]!);
  }
  for (let x = 0; x < width; x++) out[to + x] = sums[x]!;
}

// Reused between calls; nothing is awaited while they are in use.
let floats = new Float64Array(0);
let sums = new Float64Array(0);
function floatScratch(length: number): Float64Array {
  if (floats.length < length) floats = new Float64Array(length);
  return floats;
}
function sumScratch(length: number): Float64Array {
  if (sums.length < length) sums = new Float64Array(length);
  return sums;
}
