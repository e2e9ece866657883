import { axisResampling, linearTaps } from "./resample-axis.ts";
import { clip, type PanelScratch, resamplePanel } from "./resample-panel.ts";
import { SplineSimd } from "./spline-simd.ts";

/** Resamples one [y, x] slice of `src` into one slice of `dst`, clipping to [low, high]. */
export type PlaneResampler = (
  src: Float32Array,
  srcOffset: number,
  dst: Float32Array,
  dstOffset: number,
  low?: number,
  high?: number,
) => void;

const TILE = 32;

/**
 * The resampler of a slice: the axis that shrinks more goes first; x is done on the transposed slice, so that every
 * inner loop runs along contiguous memory.
 */
export function planeResampler(
  from: readonly [y: number, x: number],
  to: readonly [y: number, x: number],
  order: 0 | 1 | 3,
  scratch: PanelScratch,
): PlaneResampler {
  const [ny, nx] = from;
  const [my, mx] = to;
  const alongY = ny === my ? undefined : axisResampling(ny, my, order);
  const alongX = nx === mx ? undefined : axisResampling(nx, mx, order);
  if (!alongX && !alongY) {
    return (src, so, dst, dO, low = -Infinity, high = Infinity) => {
      if (src === dst && so === dO) return;
      dst.set(src.subarray(so, so + ny * nx), dO);
      if (low > -Infinity || high < Infinity) clip(dst, dO, dO + ny * nx, low, high);
    };
  }
  if (order === 0) return nearestPlane(from, to);
  const simd = SplineSimd.fits(from, to) ? scratch.simd : undefined;
  if (order === 1) return linearPlane(from, to, simd);
  if (simd && (alongY || alongX) && (alongY?.order ?? 3) === 3 && (alongX?.order ?? 3) === 3) {
    return (src, so, dst, dO, low = -Infinity, high = Infinity) =>
      simd.plane(src, so, from, dst, dO, alongY, alongX, low, high);
  }
  const transposed = scratch.plane(0, Math.max(nx * ny, nx * my));
  const resampledX = scratch.plane(1, Math.max(mx * ny, mx * my));
  const between = scratch.plane(2, Math.max(mx * ny, nx * my));

  const x = (
    src: Float32Array,
    so: number,
    rows: number,
    dst: Float32Array,
    dO: number,
    low?: number,
    high?: number,
  ) => {
    transpose(src, so, rows, nx, transposed, 0);
    resamplePanel(transposed, 0, resampledX, 0, rows, alongX!, scratch, low, high);
    transpose(resampledX, 0, mx, rows, dst, dO);
  };

  if (!alongX) return (src, so, dst, dO, low, high) => resamplePanel(src, so, dst, dO, nx, alongY!, scratch, low, high);
  if (!alongY) return (src, so, dst, dO, low, high) => x(src, so, ny, dst, dO, low, high);
  if (mx / nx <= my / ny) {
    return (src, so, dst, dO, low, high) => {
      x(src, so, ny, between, 0);
      resamplePanel(between, 0, dst, dO, mx, alongY, scratch, low, high);
    };
  }
  return (src, so, dst, dO, low, high) => {
    resamplePanel(src, so, between, 0, nx, alongY, scratch);
    x(between, 0, my, dst, dO, low, high);
  };
}

function nearestPlane([ny, nx]: readonly [number, number], [my, mx]: readonly [number, number]): PlaneResampler {
  const y = axisResampling(ny, my, 0).start;
  const x = axisResampling(nx, mx, 0).start;
  return (src, so, dst, dO) => {
    for (let j = 0, o = dO; j < my; j++) {
      const row = so + y[j]! * nx;
      for (let i = 0; i < mx; i++, o++) dst[o] = src[row + x[i]!]!;
    }
  };
}

/** Linear in both axes: two rows blended in float64, then each output voxel from two neighbours of the blend. */
function linearPlane(
  from: readonly [number, number],
  to: readonly [number, number],
  simd: SplineSimd | undefined,
): PlaneResampler {
  const [ny, nx] = from;
  const [my, mx] = to;
  const y = linearTaps(ny, my, 1);
  const x = linearTaps(nx, mx, 1);
  if (simd) return (src, so, dst, dO) => simd.linear(src, so, from, dst, dO, to, y, x);
  const blend = new Float64Array(nx);
  return (src, so, dst, dO) => {
    for (let j = 0; j < my; j++) {
      const upper = so + y.index[2 * j]! * nx;
      const lower = so + y.index[2 * j + 1]! * nx;
      const a = y.weights[2 * j]!;
      const b = y.weights[2 * j + 1]!;
      for (let i = 0; i < nx; i++) blend[i] = a * src[upper + i]! + b * src[lower + i]!;
      const row = dO + j * mx;
      for (let i = 0; i < mx; i++) {
        dst[row + i] =
          x.weights[2 * i]! * blend[x.index[2 * i]!]! + x.weights[2 * i + 1]! * blend[x.index[2 * i + 1]!]!;
      }
    }
  };
}

/** [rows, columns] → [columns, rows] */
function transpose(
  src: Float32Array,
  srcOffset: number,
  rows: number,
  columns: number,
  dst: Float32Array,
  dstOffset: number,
): void {
  for (let r0 = 0; r0 < rows; r0 += TILE) {
    const r1 = Math.min(r0 + TILE, rows);
    for (let c0 = 0; c0 < columns; c0 += TILE) {
      const c1 = Math.min(c0 + TILE, columns);
      for (let c = c0; c < c1; c++) {
        const to = dstOffset + c * rows;
        const from = srcOffset + c;
        for (let r = r0; r < r1; r++) dst[to + r] = src[from + r * columns]!;
      }
    }
  }
}
