import type { Shape3 } from "@nnunet/core";
import type { SimdOption } from "./intensity.ts";
import { sampleInSimd } from "./sampling-simd.ts";
import { splinePrefilter } from "./spline-prefilter.ts";
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
  { simd = true }: SimdOption = {},
): Float32Array {
  const rows = samplingRows(shape, target, transform);
  if (
    simd &&
    interpolation === "linear" &&
    sampleInSimd(source, shape, target, transform, out, (wasm, places) => wasm.sampleImage(...places))
  ) {
    return out;
  }
  const coefficients = interpolation === "cubic" ? splinePrefilter(source, shape) : source;
  const sampleRow = interpolation === "cubic" ? cubicRow : linearRow;
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
  const up = flat ? 0 : plane;
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
      const nearLeft = source[p]! + tz * (source[p + up]! - source[p]!);
      const nearRight = source[p + 1]! + tz * (source[p + 1 + up]! - source[p + 1]!);
      const farLeft = source[q]! + tz * (source[q + up]! - source[q]!);
      const farRight = source[q + 1]! + tz * (source[q + 1 + up]! - source[q + 1]!);
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
  const plane = ny * nx;
  for (let i = 0; i < count; i++) {
    const z = z0 + i * dz;
    const y = y0 + i * dy;
    const x = x0 + i * dx;
    if (!(z >= 0 && y >= 0 && x >= 0 && z <= nz - 1 && y <= ny - 1 && x <= nx - 1)) {
      out[to + i] = 0;
      continue;
    }
    const iz = Math.floor(z);
    const iy = Math.floor(y);
    const ix = Math.floor(x);
    if (iz >= 1 && iy >= 1 && ix >= 1 && iz + 2 < nz && iy + 2 < ny && ix + 2 < nx) {
      out[to + i] = innerCubic(
        coefficients,
        (iz - 1) * plane + (iy - 1) * nx + ix - 1,
        plane,
        nx,
        z - iz,
        y - iy,
        x - ix,
      );
      continue;
    }
    splineWeights(z, nz, plane, 0);
    splineWeights(y, ny, nx, 4);
    splineWeights(x, nx, 1, 8);
    const planes = nz === 1 ? 1 : 4;
    let sum = 0;
    for (let a = 0; a < planes; a++) {
      let overRows = 0;
      for (let b = 4; b < 8; b++) {
        const p = offsets[a]! + offsets[b]!;
        overRows +=
          weights[b]! *
          (weights[8]! * coefficients[p + offsets[8]!]! +
            weights[9]! * coefficients[p + offsets[9]!]! +
            weights[10]! * coefficients[p + offsets[10]!]! +
            weights[11]! * coefficients[p + offsets[11]!]!);
      }
      sum += (planes === 1 ? 1 : weights[a]!) * overRows;
    }
    out[to + i] = sum;
  }
}

/** Where all 64 coefficients are inside: no mirroring, the weights of x held in registers. */
function innerCubic(
  c: Float32Array,
  first: number,
  plane: number,
  width: number,
  tz: number,
  ty: number,
  tx: number,
): number {
  const x0 = ((1 - tx) * (1 - tx) * (1 - tx)) / 6;
  const x1 = 2 / 3 - tx * tx * (1 - tx / 2);
  const x2 = 2 / 3 - (1 - tx) * (1 - tx) * ((1 + tx) / 2);
  const x3 = (tx * tx * tx) / 6;
  const y0 = ((1 - ty) * (1 - ty) * (1 - ty)) / 6;
  const y1 = 2 / 3 - ty * ty * (1 - ty / 2);
  const y2 = 2 / 3 - (1 - ty) * (1 - ty) * ((1 + ty) / 2);
  const y3 = (ty * ty * ty) / 6;
  let sum = 0;
  for (let a = 0; a < 4; a++) {
    const weight =
      a === 0
        ? ((1 - tz) * (1 - tz) * (1 - tz)) / 6
        : a === 1
          ? 2 / 3 - tz * tz * (1 - tz / 2)
          : a === 2
            ? 2 / 3 - (1 - tz) * (1 - tz) * ((1 + tz) / 2)
            : (tz * tz * tz) / 6;
    const p = first + a * plane;
    const q = p + width;
    const r = q + width;
    const s = r + width;
    sum +=
      weight *
      (y0 * (x0 * c[p]! + x1 * c[p + 1]! + x2 * c[p + 2]! + x3 * c[p + 3]!) +
        y1 * (x0 * c[q]! + x1 * c[q + 1]! + x2 * c[q + 2]! + x3 * c[q + 3]!) +
        y2 * (x0 * c[r]! + x1 * c[r + 1]! + x2 * c[r + 2]! + x3 * c[r + 3]!) +
        y3 * (x0 * c[s]! + x1 * c[s + 1]! + x2 * c[s + 2]! + x3 * c[s + 3]!));
  }
  return sum;
}

/** Weights and memory offsets of four coefficients along z (0–3), y (4–7) and x (8–11). */
const weights = new Float64Array(12);
const offsets = new Int32Array(12);

function splineWeights(at: number, n: number, stride: number, slot: number): void {
  const low = Math.floor(at);
  const t = at - low;
  weights[slot] = ((1 - t) * (1 - t) * (1 - t)) / 6;
  weights[slot + 1] = 2 / 3 - t * t * (1 - t / 2);
  weights[slot + 2] = 2 / 3 - (1 - t) * (1 - t) * ((1 + t) / 2);
  weights[slot + 3] = (t * t * t) / 6;
  for (let k = 0; k < 4; k++) {
    // Coefficients are mirrored about the outermost voxels.
    let index = Math.abs(low - 1 + k);
    if (index >= n) index = n === 1 ? 0 : 2 * n - 2 - index;
    offsets[slot + k] = index < 0 ? 0 : index * stride;
  }
}
