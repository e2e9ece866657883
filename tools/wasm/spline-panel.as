// AssemblyScript. The SIMD twin of packages/kernels/src/resample-panel.ts: the same operations on float64 in the same
// order, two lanes at a time, so that the results are equal bit by bit. Built by tools/wasm/build.mjs.
//
// Addresses are bytes; the caller lays out memory. Row lengths ("stride") are multiples of 4 floats.

const COLUMNS: i32 = 64;

/** Resamples the rows of src [from, stride] into dst [to, stride]; c holds (from + 4) · 64 float64. */
export function panel(
  src: usize,
  dst: usize,
  stride: i32,
  from: i32,
  to: i32,
  starts: usize,
  weights: usize,
  c: usize,
  low: f64,
  high: f64,
): void {
  for (let x0 = 0; x0 < stride; x0 += COLUMNS) {
    const w = min(COLUMNS, stride - x0);
    const offset = (<usize>x0) << 2;
    coefficients(src + offset, (<usize>stride) << 2, w, from, c);
    evaluate(dst + offset, (<usize>stride) << 2, w, to, starts, weights, c, low, high);
  }
}

function coefficients(src: usize, pitch: usize, w: i32, from: i32, c: usize): void {
  const z = Math.sqrt(3) - 2;
  const zz = f64x2.splat(z);
  const row = (<usize>w) << 3;
  const gap = f64x2.splat(1 - z);
  for (let x: usize = 0; x < row; x += 16) {
    const rest = f64x2.div(load2(src + (x >> 1)), gap);
    v128.store(c + x, rest);
    v128.store(c + row + x, rest);
    v128.store(c + 2 * row + x, rest);
  }
  for (let i = 1; i < from; i++) {
    const s = src + <usize>i * pitch;
    const p = c + <usize>(i + 2) * row;
    for (let x: usize = 0; x < row; x += 32) {
      v128.store(p + x, f64x2.add(load2(s + (x >> 1)), f64x2.mul(zz, v128.load(p - row + x))));
      v128.store(p + x + 16, f64x2.add(load2(s + (x >> 1) + 8), f64x2.mul(zz, v128.load(p - row + x + 16))));
    }
  }
  const last = c + <usize>(from + 1) * row;
  const s = src + <usize>(from - 1) * pitch;
  const k0 = -z / (1 - z * z);
  const k1 = k0 * z;
  const k2 = k0 * z * z;
  for (let x: usize = 0; x < row; x += 16) {
    const rest = f64x2.div(load2(s + (x >> 1)), gap);
    const excess = f64x2.sub(v128.load(last + x), rest);
    const settled = f64x2.div(f64x2.mul(f64x2.splat(-z), rest), gap);
    v128.store(last + x, f64x2.add(settled, f64x2.mul(f64x2.splat(k0), excess)));
    v128.store(last + row + x, f64x2.add(settled, f64x2.mul(f64x2.splat(k1), excess)));
    v128.store(last + 2 * row + x, f64x2.add(settled, f64x2.mul(f64x2.splat(k2), excess)));
  }
  for (let q = last - row; q >= c; q -= row) {
    for (let x: usize = 0; x < row; x += 32) {
      v128.store(q + x, f64x2.mul(zz, f64x2.sub(v128.load(q + row + x), v128.load(q + x))));
      v128.store(q + x + 16, f64x2.mul(zz, f64x2.sub(v128.load(q + row + x + 16), v128.load(q + x + 16))));
    }
  }
}

function evaluate(
  dst: usize,
  pitch: usize,
  w: i32,
  to: i32,
  starts: usize,
  weights: usize,
  c: usize,
  low: f64,
  high: f64,
): void {
  const row = (<usize>w) << 3;
  const lows = f64x2.splat(low);
  const highs = f64x2.splat(high);
  for (let j = 0; j < to; j++) {
    const at = weights + ((<usize>j) << 5);
    const w0 = v128.load64_splat(at);
    const w1 = v128.load64_splat(at + 8);
    const w2 = v128.load64_splat(at + 16);
    const w3 = v128.load64_splat(at + 24);
    const r = c + <usize>load<i32>(starts + ((<usize>j) << 2)) * row;
    const o = dst + <usize>j * pitch;
    for (let x: usize = 0; x < row; x += 32) {
      const a = sum4(r + x, row, w0, w1, w2, w3);
      const b = sum4(r + x + 16, row, w0, w1, w2, w3);
      const clippedA = f64x2.pmin(f64x2.pmax(a, lows), highs);
      const clippedB = f64x2.pmin(f64x2.pmax(b, lows), highs);
      v128.store(
        o + (x >> 1),
        v128.shuffle<f32>(f32x4.demote_f64x2_zero(clippedA), f32x4.demote_f64x2_zero(clippedB), 0, 1, 4, 5),
      );
    }
  }
}

// @ts-ignore: decorator
@inline
function sum4(r: usize, row: usize, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  return f64x2.add(
    f64x2.add(
      f64x2.add(f64x2.mul(w0, v128.load(r)), f64x2.mul(w1, v128.load(r + row))),
      f64x2.mul(w2, v128.load(r + 2 * row)),
    ),
    f64x2.mul(w3, v128.load(r + 3 * row)),
  );
}

// @ts-ignore: decorator
@inline
function load2(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

/**
 * Linear in both axes: src, rows of nx, becomes dst [my, mx]. Reads up to three voxels beyond src.
 *
 * @param yTaps - per row of dst two int32: the rows of src that it mixes; xTaps likewise
 * @param yWeights - two float64 per row of dst; xWeights likewise
 * @param blend - room for nx + 3 float64
 */
export function linear(
  src: usize,
  nx: i32,
  dst: usize,
  my: i32,
  mx: i32,
  yTaps: usize,
  yWeights: usize,
  xTaps: usize,
  xWeights: usize,
  blend: usize,
): void {
  const pitch = (<usize>nx) << 2;
  for (let j = 0; j < my; j++) {
    const taps = yTaps + ((<usize>j) << 3);
    const upper = src + <usize>load<i32>(taps) * pitch;
    const lower = src + <usize>load<i32>(taps, 4) * pitch;
    const at = yWeights + ((<usize>j) << 4);
    const a = v128.load64_splat(at);
    const b = v128.load64_splat(at + 8);
    for (let x: usize = 0; x < pitch; x += 16) {
      const to = blend + (x << 1);
      v128.store(to, f64x2.add(f64x2.mul(a, load2(upper + x)), f64x2.mul(b, load2(lower + x))));
      v128.store(to + 16, f64x2.add(f64x2.mul(a, load2(upper + x + 8)), f64x2.mul(b, load2(lower + x + 8))));
    }
    let t = xTaps;
    let w = xWeights;
    for (let q = dst + ((<usize>(j * mx)) << 2), end = q + ((<usize>mx) << 2); q < end; q += 4, t += 8, w += 16) {
      const left = load<f64>(blend + ((<usize>load<u32>(t)) << 3));
      const right = load<f64>(blend + ((<usize>load<u32>(t, 4)) << 3));
      store<f32>(q, <f32>(load<f64>(w) * left + load<f64>(w, 8) * right));
    }
  }
}

/** src [rows, strideIn] → dst [columns, strideOut], in 4×4 blocks; both strides are multiples of 4. */
export function transpose(src: usize, rows: i32, columns: i32, strideIn: i32, dst: usize, strideOut: i32): void {
  const pitchIn = (<usize>strideIn) << 2;
  const pitchOut = (<usize>strideOut) << 2;
  for (let r0 = 0; r0 < rows; r0 += 32) {
    for (let c0 = 0; c0 < columns; c0 += 32) {
      const r1 = min(r0 + 32, rows);
      const c1 = min(c0 + 32, columns);
      for (let k = c0; k < c1; k += 4) {
        for (let r = r0; r < r1; r += 4) {
          const from = src + <usize>r * pitchIn + ((<usize>k) << 2);
          const to = dst + <usize>k * pitchOut + ((<usize>r) << 2);
          const a = v128.load(from);
          const b = v128.load(from + pitchIn);
          const c = v128.load(from + 2 * pitchIn);
          const d = v128.load(from + 3 * pitchIn);
          const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
          const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
          const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
          const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
          v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
          v128.store(to + pitchOut, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
          v128.store(to + 2 * pitchOut, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
          v128.store(to + 3 * pitchOut, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
        }
      }
    }
  }
}
