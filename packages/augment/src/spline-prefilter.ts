import type { Shape3 } from "@nnunet/core";
import type { VoxelExports } from "./voxel-simd.ts";

const { fround } = Math;
const POLE = Math.sqrt(3) - 2;
/** |pole|^16 < 1e-9: voxels further away do not show in float32. */
const HORIZON = 16;
/** Where the SIMD module finds the weights of the first coefficient. */
const TABLE = 512;

/**
 * Turns an image mirrored about its outermost voxels into the coefficients of its interpolating cubic B-spline, in place
 * and in float32. An axis of one voxel is left as it is.
 *
 * @param data - [z, y, x] of `shape`
 * @returns `data`
 * @see Unser, Aldroubi & Eden 1993, B-spline signal processing, part I
 */
export function splinePrefilter(data: Float32Array, shape: Shape3): Float32Array {
  for (const { n, inner } of filteredAxes(shape)) {
    const weights = firstWeights(n);
    for (let base = 0; base < data.length; base += n * inner) filterAxis(data, base, n, inner, weights);
  }
  return data;
}

/** The same in WebAssembly. @param scratch - room for 16 float32 for each voxel of the longest axis */
export function prefilterInSimd(wasm: VoxelExports, data: number, shape: Shape3, scratch: number): void {
  const voxels = shape[0] * shape[1] * shape[2];
  for (const { n, inner } of filteredAxes(shape)) {
    const weights = firstWeights(n);
    new Float32Array(wasm.memory.buffer, TABLE, weights.length).set(weights);
    if (inner === 1) wasm.filterRows(data, voxels / n, n, TABLE, weights.length, scratch);
    else {
      for (let base = 0; base < voxels; base += n * inner) {
        wasm.filterAcross(data + 4 * base, inner, n, TABLE, weights.length, scratch);
      }
    }
  }
}

/** From x to z: their voxels, and how far apart neighbours are. */
function filteredAxes([nz, ny, nx]: Shape3) {
  return [
    { n: nx, inner: 1 },
    { n: ny, inner: nx },
    { n: nz, inner: ny * nx },
  ].filter(({ n }) => n > 1);
}

/** What voxels 0, 1, … of a line of n add to its first coefficient, before the filter runs back. */
function firstWeights(n: number): Float32Array {
  const period = 2 * n - 2;
  const powers = [1];
  while (powers.length <= period) powers.push(powers.at(-1)! * POLE);
  // Short lines: the mirrored signal is periodic, summed exactly.
  const whole = period < HORIZON ? 1 / (1 - powers[period]!) : 1;
  return Float32Array.from(powers.slice(0, Math.min(period, HORIZON)), (power) => whole * power);
}

/** Filters n rows of `inner` voxels along the rows' index, in place. */
function filterAxis(data: Float32Array, base: number, n: number, inner: number, weights: Float32Array): void {
  const z = fround(POLE);
  const gain = fround(Math.sqrt(3)); // 6z / (z² − 1)
  const state = new Float32Array(inner);
  for (let i = 0; i < weights.length; i++) {
    const row = base + (i < n ? i : 2 * n - 2 - i) * inner;
    for (let k = 0; k < inner; k++) state[k] = state[k]! + fround(weights[i]! * data[row + k]!);
  }
  data.set(state, base);
  const last = base + (n - 1) * inner;
  for (let p = base + inner; p < last + inner; p++) data[p] = data[p]! + fround(z * data[p - inner]!);
  for (let p = last; p < last + inner; p++) data[p] = gain * fround(fround(z * data[p - inner]!) + data[p]!);
  // Every row is still unscaled when it is reached, hence the 6.
  for (let p = last - 1; p >= base; p--) data[p] = z * fround(data[p + inner]! - fround(6 * data[p]!));
}
