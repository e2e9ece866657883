import type { Shape3 } from "@nnunet/core";
import type { SimdOption } from "./intensity.ts";
import { type SampleInSimd, sampleInSimd } from "./sampling-simd.ts";
import { prefilterInSimd, splinePrefilter } from "./spline-prefilter.ts";
import { type SamplingTransform, samplingRows } from "./spatial-transform.ts";

/**
 * A rotated and scaled patch of one channel.
 *
 * `linear`: beyond the source the image is 0, so it fades out over the voxel at the border (as nnU-Net v2).
 * `cubic`: the interpolating cubic B-spline of the source; 0 where the sampling point is beyond the outermost voxel
 * centres (as nnU-Net v1, which used SciPy).
 *
 * @param source - [z, y, x] of `shape`
 * @param target - size of the patch, [z, y, x]
 * @param out - written and returned, [z, y, x] of `target`; not `source`
 * @param options.overwriteSource - its content may be lost, which saves a copy of it
 * @example transformImage(x, [1, 9, 9], [1, 9, 9], { matrix: samplingMatrix([Math.PI / 2, 0, 0]) }); // a quarter turn
 * @see paper, Supplement D, step 1
 */
export function transformImage(
  source: Float32Array,
  shape: Shape3,
  target: Shape3,
  transform: SamplingTransform,
  interpolation: "linear" | "cubic" = "linear",
  out: Float32Array = new Float32Array(target[0] * target[1] * target[2]),
  { simd = true, overwriteSource = false }: SimdOption & { overwriteSource?: boolean } = {},
): Float32Array {
  const rows = samplingRows(shape, target, transform);
  const cubic = interpolation === "cubic";
  const sample: SampleInSimd = cubic
    ? (wasm, places) => {
        prefilterInSimd(wasm, places[0], shape, places[9]);
        wasm.sampleCubic(...places);
      }
    : (wasm, places) => wasm.sampleImage(...places);
  if (simd && sampleInSimd(source, shape, target, transform, out, sample, cubic && !overwriteSource)) return out;
  const coefficients = cubic ? splinePrefilter(overwriteSource ? source : source.slice(), shape) : source;
  const sampleRow = cubic ? cubicRow : linearRow;
  let to = 0;
  for (let z = 0; z < target[0]; z++) {
    for (let y = 0; y < target[1]; y++, to += target[2]) {
      sampleRow(coefficients, shape, rows.start(z, y), rows.step, out, to, target[2]);
    }
  }
  return out;
}

type Point = readonly [number, number, number];

function linearRow(
  source: Float32Array,
  [nz, ny, nx]: Shape3,
  [z0, y0, x0]: Point,
  [dz, dy, dx]: Point,
  out: Float32Array,
  to: number,
  count: number,
): void {
  const plane = ny * nx;
  // A row in one plane needs none above it: slices turned in their plane.
  const flat = dz === 0 && z0 === Math.floor(z0);
  const lastZ = flat ? nz : nz - 1;
  const at = (z: number, y: number, x: number) =>
    z < 0 || y < 0 || x < 0 || z >= nz || y >= ny || x >= nx ? 0 : source[z * plane + y * nx + x]!;
  for (let i = 0; i < count; i++) {
    const z = z0 + i * dz;
    const y = y0 + i * dy;
    const x = x0 + i * dx;
    const iz = Math.floor(z);
    const iy = Math.floor(y);
    const ix = Math.floor(x);
    const tz = z - iz;
    const ty = y - iy;
    const tx = x - ix;
    if (iz >= 0 && iy >= 0 && ix >= 0 && iy + 1 < ny && ix + 1 < nx && iz < lastZ) {
      // Two neighbours along x at once, between planes, then between rows, then between the two.
      const p = iz * plane + iy * nx + ix;
      const q = p + nx;
      let nearLeft = source[p]!;
      let nearRight = source[p + 1]!;
      let farLeft = source[q]!;
      let farRight = source[q + 1]!;
      if (!flat) {
        nearLeft += tz * (source[p + plane]! - nearLeft);
        nearRight += tz * (source[p + 1 + plane]! - nearRight);
        farLeft += tz * (source[q + plane]! - farLeft);
        farRight += tz * (source[q + 1 + plane]! - farRight);
      }
      const left = nearLeft + ty * (farLeft - nearLeft);
      const right = nearRight + ty * (farRight - nearRight);
      out[to + i] = left + tx * (right - left);
    } else if (iz < -1 || iy < -1 || ix < -1 || iz >= nz || iy >= ny || ix >= nx) {
      out[to + i] = 0;
    } else {
      let sum = 0;
      for (let k = 0; k < 8; k++) {
        const weight = (k & 4 ? tz : 1 - tz) * (k & 2 ? ty : 1 - ty) * (k & 1 ? tx : 1 - tx);
        if (weight > 0) sum += weight * at(iz + (k >> 2), iy + ((k >> 1) & 1), ix + (k & 1));
      }
      out[to + i] = sum;
    }
  }
}

function cubicRow(
  coefficients: Float32Array,
  [nz, ny, nx]: Shape3,
  [z0, y0, x0]: Point,
  [dz, dy, dx]: Point,
  out: Float32Array,
  to: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const z = z0 + i * dz;
    const y = y0 + i * dy;
    const x = x0 + i * dx;
    if (!(z >= 0 && y >= 0 && x >= 0 && z <= nz - 1 && y <= ny - 1 && x <= nx - 1)) {
      out[to + i] = 0;
      continue;
    }
    splineWeights(z, nz, ny * nx, 0);
    splineWeights(y, ny, nx, 4);
    splineWeights(x, nx, 1, 8);
    for (let k = 0; k < 4; k++) {
      const column = offsets[8 + k]!;
      let sum = overRows(coefficients, column + offsets[0]!);
      if (nz > 1) {
        sum = fround(weights[0]! * sum);
        for (let a = 1; a < 4; a++) {
          sum = fround(sum + fround(weights[a]! * overRows(coefficients, column + offsets[a]!)));
        }
      }
      columns[k] = sum * weights[8 + k]!;
    }
    out[to + i] = fround(columns[0]! + columns[2]!) + fround(columns[1]! + columns[3]!);
  }
}

const { fround } = Math;
/** Weights and memory offsets of four coefficients along z (0–3), y (4–7) and x (8–11). */
const weights = new Float32Array(12);
const offsets = new Int32Array(12);
/** Of the four columns. */
const columns = new Float32Array(4);

function overRows(coefficients: Float32Array, first: number): number {
  let sum = fround(weights[4]! * coefficients[first + offsets[4]!]!);
  for (let b = 5; b < 8; b++) sum = fround(sum + fround(weights[b]! * coefficients[first + offsets[b]!]!));
  return sum;
}

function splineWeights(at: number, n: number, stride: number, slot: number): void {
  const low = Math.floor(at);
  const t = fround(at - low);
  const s = fround(1 - t);
  weights[slot] = outerPiece(s);
  weights[slot + 1] = innerPiece(t);
  weights[slot + 2] = innerPiece(s);
  weights[slot + 3] = outerPiece(t);
  for (let k = 0; k < 4; k++) {
    // Coefficients are mirrored about the outermost voxels.
    let index = Math.abs(low - 1 + k);
    if (index >= n) index = n === 1 ? 0 : 2 * n - 2 - index;
    offsets[slot + k] = index < 0 ? 0 : index * stride;
  }
}

/** The cubic B-spline, of 2 − u and of u, in float32. */
const outerPiece = (u: number) => fround(fround(fround(u * u) * u) * fround(1 / 6));
const innerPiece = (u: number) => fround(fround(2 / 3) - fround(fround(u * u) * fround(1 - fround(u * 0.5))));
