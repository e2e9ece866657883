import type { Shape3 } from "@nnunet/core";

const POLE = Math.sqrt(3) - 2;
/** |pole|^24 < 2e-14: voxels further away do not show in float32. */
const HORIZON = 24;

/**
 * Coefficients of the interpolating cubic B-spline of an image mirrored about its outermost voxels.
 *
 * @param source - [z, y, x] of `shape`; left alone. An axis of one voxel is left as it is
 * @see Unser, Aldroubi & Eden 1993, B-spline signal processing, part I
 */
export function splinePrefilter(source: Float32Array, shape: Shape3): Float32Array {
  const out = Float32Array.from(source);
  let inner = 1;
  for (let axis = 2; axis >= 0; axis--) {
    const n = shape[axis]!;
    if (n > HORIZON && inner === 1) for (let base = 0; base < out.length; base += n) filterRow(out, base, n);
    else if (n > 1) for (let base = 0; base < out.length; base += n * inner) filterAxis(out, base, n, inner);
    inner *= n;
  }
  return out;
}

/** Filters one row of n > HORIZON voxels in place: {@link filterAxis} without its inner loop. */
function filterRow(data: Float32Array, base: number, n: number): void {
  const z = POLE;
  let state = 0;
  for (let i = HORIZON - 1; i >= 0; i--) state = state * z + data[base + i]!;
  data[base] = state;
  for (let i = 1; i < n; i++) data[base + i] = state = data[base + i]! + z * state;
  state = ((6 * z) / (z * z - 1)) * (z * data[base + n - 2]! + state);
  data[base + n - 1] = state;
  for (let i = n - 2; i >= 0; i--) data[base + i] = state = z * (state - 6 * data[base + i]!);
}

/** Filters n rows of `inner` voxels along the rows' index, in place. */
function filterAxis(data: Float32Array, base: number, n: number, inner: number): void {
  const z = POLE;
  const horizon = Math.min(2 * n - 2, HORIZON);
  const row = (i: number) => base + (i < n ? i : 2 * n - 2 - i) * inner;
  const state = rowScratch(inner);
  state.fill(0, 0, inner);
  if (horizon < HORIZON) {
    // Short lines: the mirrored signal has period 2n − 2, summed exactly.
    const whole = 1 / (1 - z ** (2 * n - 2));
    for (let i = 0; i < 2 * n - 2; i++) {
      const weight = whole * z ** i;
      for (let k = 0, p = row(i); k < inner; k++) state[k]! += weight * data[p + k]!;
    }
  } else {
    for (let i = 0; i < horizon; i++) for (let k = 0, p = row(i); k < inner; k++) state[k]! += z ** i * data[p + k]!;
  }
  for (let k = 0; k < inner; k++) data[base + k] = state[k]!;
  for (let i = 1; i < n; i++) {
    const p = base + i * inner;
    for (let k = 0; k < inner; k++) data[p + k]! += z * data[p - inner + k]!;
  }
  const last = base + (n - 1) * inner;
  const scale = (6 * z) / (z * z - 1);
  for (let k = 0; k < inner; k++) data[last + k] = scale * (z * data[last - inner + k]! + data[last + k]!);
  for (let i = n - 2; i >= 0; i--) {
    const p = base + i * inner;
    // Every row is still unscaled when it is reached, hence the 6.
    for (let k = 0; k < inner; k++) data[p + k] = z * (data[p + inner + k]! - 6 * data[p + k]!);
  }
}

let scratch = new Float64Array(0);
function rowScratch(length: number): Float64Array {
  if (scratch.length < length) scratch = new Float64Array(length);
  return scratch;
}
