import { InvalidArgumentError, type Shape3 } from "@nnunet/core";

export interface BlurOptions {
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
 * @see paper, Supplement D, step 3; facts.md §4.3
 */
export function gaussianBlur(
  channel: Float32Array,
  shape: Shape3,
  sigma: readonly [number, number, number],
  { boundary = "symmetric", radius = (s) => Math.floor(4 * s + 0.5) }: BlurOptions = {},
  out: Float32Array = new Float32Array(channel.length),
): Float32Array {
  for (const s of sigma) {
    if (!(s >= 0 && s < 1000)) throw new InvalidArgumentError("sigma", "three numbers of voxels, 0 or more", sigma);
  }
  if (out !== channel) out.set(channel);
  const [nz, ny, nx] = shape;
  const planes = out.length / (nz * ny * nx);
  for (let axis = 0; axis < 3; axis++) {
    if (sigma[axis] === 0 || shape[axis] === 1) continue;
    const kernel = halfKernel(sigma[axis]!, radius(sigma[axis]!));
    if (kernel.length === 1) continue;
    const source = paddedSources(shape[axis]!, kernel.length - 1, boundary);
    if (axis === 2) blurRows(out, nx, kernel, source);
    else {
      const stride = axis === 0 ? ny * nx : nx;
      const lines = axis === 0 ? ny : nz;
      const step = axis === 0 ? nx : ny * nx;
      for (let p = 0; p < planes; p++) {
        for (let l = 0; l < lines; l++) blurAcrossRows(out, p * nz * ny * nx + l * step, stride, nx, kernel, source);
      }
    }
  }
  return out;
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
  const radius = kernel.length - 1;
  const line = new Float64Array(source.length);
  const centre = kernel[0]!;
  for (let base = 0; base < data.length; base += length) {
    for (let i = 0; i < source.length; i++) line[i] = data[base + source[i]!]!;
    for (let i = 0; i < length; i++) {
      const at = i + radius;
      let sum = centre * line[at]!;
      for (let k = 1; k <= radius; k++) sum += kernel[k]! * (line[at - k]! + line[at + k]!);
      data[base + i] = sum;
    }
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
  const sheet = sheetScratch(source.length * width);
  for (let i = 0; i < source.length; i++) {
    const from = base + source[i]! * stride;
    sheet.set(data.subarray(from, from + width), i * width);
  }
  const centre = kernel[0]!;
  for (let i = 0; i < length; i++) {
    const row = (i + radius) * width;
    const to = base + i * stride;
    for (let x = 0; x < width; x++) {
      const at = row + x;
      let sum = centre * sheet[at]!;
      for (let k = 1, d = width; k <= radius; k++, d += width) sum += kernel[k]! * (sheet[at - d]! + sheet[at + d]!);
      data[to + x] = sum;
    }
  }
}

let sheet = new Float32Array(0);
/** Reused between calls; nothing is awaited while it is in use. */
function sheetScratch(length: number): Float32Array {
  if (sheet.length < length) sheet = new Float32Array(length);
  return sheet;
}
