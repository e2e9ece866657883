import { type AxisResampling, SPLINE_MARGIN } from "./resample-axis.ts";
import { SplineSimd } from "./spline-simd.ts";

/** Pole of the cubic B-spline's prefilter. */
const POLE = Math.sqrt(3) - 2;
/** Columns worked on at a time: rows stay contiguous, and a block of some hundred rows stays in the L2 cache. */
const COLUMNS = 64;

/**
 * Resamples the rows of a matrix, column by column: `dst[j, x] = sum of weights · src[start[j] + …, x]`.
 *
 * One kernel serves all axes: for z the matrix is the volume as [z, y·x], for y a slice, for x a transposed slice.
 * `src` and `dst` may be the same array with the same offset and row length if the axis is cubic, because a block of
 * columns is read before any of it is written.
 *
 * The spline coefficients are those of the rows continued by their edge values without end: SciPy pads 12 and
 * reflects, which differs by 2e-14. Both recursions then start in closed form. Unser 1999, "Splines: a perfect fit".
 */
export function resamplePanel(
  src: Float32Array,
  srcOffset: number,
  dst: Float32Array,
  dstOffset: number,
  width: number,
  axis: AxisResampling,
  scratch: PanelScratch,
  low = -Infinity,
  high = Infinity,
): void {
  const { from, to, start, weights } = axis;
  if (axis.order === 0) {
    for (let j = 0; j < to; j++) {
      const first = srcOffset + start[j]! * width;
      dst.set(src.subarray(first, first + width), dstOffset + j * width);
    }
    // An axis of one sample may come last in a cubic volume, after passes that overshot.
    if (low > -Infinity || high < Infinity) clip(dst, dstOffset, dstOffset + to * width, low, high);
    return;
  }
  if (axis.order === 1) {
    for (let j = 0; j < to; j++) {
      blendRows(
        src,
        srcOffset + start[j]! * width,
        width,
        width,
        weights[2 * j]!,
        weights[2 * j + 1]!,
        dst,
        dstOffset + j * width,
      );
    }
    return;
  }
  if (scratch.simd) {
    scratch.simd.panel(src, srcOffset, dst, dstOffset, width, axis, low, high);
    return;
  }
  const block = Math.min(COLUMNS, width);
  const c = scratch.coefficients((from + 2 * SPLINE_MARGIN) * block);
  for (let x0 = 0; x0 < width; x0 += block) {
    const w = Math.min(block, width - x0);
    splineCoefficients(src, srcOffset + x0, width, w, from, c);
    for (let j = 0; j < to; j++) {
      const w0 = weights[4 * j]!;
      const w1 = weights[4 * j + 1]!;
      const w2 = weights[4 * j + 2]!;
      const w3 = weights[4 * j + 3]!;
      let r = start[j]! * w;
      const out = dstOffset + j * width + x0;
      const end = out + w;
      for (let o = out; o < end; o++, r++) {
        const v = w0 * c[r]! + w1 * c[r + w]! + w2 * c[r + 2 * w]! + w3 * c[r + 3 * w]!;
        // biome-ignore lint/complexity/useMathMinMax: a comparison lets NaN pass
        dst[o] = v < low ? low : v > high ? high : v;
      }
    }
  }
}

/** `dst = a · row at first + b · row at first + step`, in float64, stored as float32. */
export function blendRows(
  src: Float32Array,
  first: number,
  step: number,
  width: number,
  a: number,
  b: number,
  dst: Float32Array,
  dstOffset: number,
): void {
  for (let x = 0; x < width; x++) dst[dstOffset + x] = a * src[first + x]! + b * src[first + step + x]!;
}

/** Limits dst[first … end) to [low, high]. */
export function clip(dst: Float32Array, first: number, end: number, low: number, high: number): void {
  for (let i = first; i < end; i++) {
    if (dst[i]! < low) dst[i] = low;
    else if (dst[i]! > high) dst[i] = high;
  }
}

/** Fills `c` with the coefficients −2 … from + 1 of `w` columns (without the gain of 6, which the weights hold). */
function splineCoefficients(
  src: Float32Array,
  offset: number,
  stride: number,
  w: number,
  from: number,
  c: Float64Array,
): void {
  const z = POLE;
  // Causal recursion p[i] = s[i] + z p[i − 1]; left of the data it rests at s[0] / (1 − z).
  for (let x = 0; x < w; x++) {
    const rest = src[offset + x]! / (1 - z);
    c[x] = rest;
    c[w + x] = rest;
    c[2 * w + x] = rest;
  }
  for (let i = 1; i < from; i++) {
    const s = offset + i * stride;
    const row = (i + SPLINE_MARGIN) * w;
    for (let x = 0; x < w; x++) c[row + x] = src[s + x]! + z * c[row - w + x]!;
  }
  // Right of the data p[n − 1 + k] = rest + z^k · excess, so the anticausal sum to infinity is known.
  const last = (from - 1 + SPLINE_MARGIN) * w;
  const s = offset + (from - 1) * stride;
  const k0 = -z / (1 - z * z);
  for (let x = 0; x < w; x++) {
    const rest = src[s + x]! / (1 - z);
    const excess = c[last + x]! - rest;
    const settled = (-z * rest) / (1 - z);
    c[last + x] = settled + k0 * excess;
    c[last + w + x] = settled + k0 * z * excess;
    c[last + 2 * w + x] = settled + k0 * z * z * excess;
  }
  // Anticausal recursion q[i] = z (q[i + 1] − p[i]).
  for (let row = last - w; row >= 0; row -= w) {
    for (let x = 0; x < w; x++) c[row + x] = z * (c[row + w + x]! - c[row + x]!);
  }
}

/** Buffers kept between panels, so that resampling a volume allocates a few, not one per line. */
export class PanelScratch {
  #coefficients = new Float64Array(0);
  #planes: Float32Array[] = [];
  /** The WebAssembly twin of the cubic loops, where it is wanted and runs. */
  readonly simd: SplineSimd | undefined;

  constructor(simd = true) {
    this.simd = simd ? SplineSimd.shared() : undefined;
  }

  coefficients(length: number): Float64Array {
    if (this.#coefficients.length < length) this.#coefficients = new Float64Array(length);
    return this.#coefficients;
  }

  /** One of several independent float32 buffers. */
  plane(index: number, length: number): Float32Array {
    if ((this.#planes[index]?.length ?? -1) < length) this.#planes[index] = new Float32Array(length);
    return this.#planes[index]!;
  }
}
