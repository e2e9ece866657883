// AssemblyScript. The SIMD twins of the loops in packages/augment/src: the same operations in the same order, several
// voxels at a time, so that the results are equal bit by bit. Built by tools/wasm/build.mjs.
//
// Addresses are bytes, counts are float32 voxels; src may be dst.

// @ts-ignore: decorator
@external("rare", "log")
declare function log(x: f64): f64;
// @ts-ignore: decorator
@external("rare", "exp")
declare function exp(x: f64): f64;

// @ts-ignore: decorator
@inline
function low2(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

// @ts-ignore: decorator
@inline
function high2(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<u32>(v, v, 2, 3, 2, 3));
}

// @ts-ignore: decorator
@inline
function narrow(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5);
}

/** dst = src · factor, in float32. */
export function scale(src: usize, dst: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  const end = src + ((<usize>n) << 2);
  const d = dst - src;
  let p = src;
  for (; p + 64 <= end; p += 64) {
    const a = f32x4.mul(v128.load(p), f);
    const b = f32x4.mul(v128.load(p, 16), f);
    const c = f32x4.mul(v128.load(p, 32), f);
    const e = f32x4.mul(v128.load(p, 48), f);
    v128.store(p + d, a);
    v128.store(p + d, b, 16);
    v128.store(p + d, c, 32);
    v128.store(p + d, e, 48);
  }
  for (; p < end; p += 4) store<f32>(p + d, load<f32>(p) * factor);
}

/** dst = (src − from) · factor + to, in float32, limited to [low, high]. */
export function stretch(
  src: usize,
  dst: usize,
  n: i32,
  from: f32,
  factor: f32,
  to: f32,
  low: f32,
  high: f32,
): void {
  const from4 = f32x4.splat(from);
  const factor4 = f32x4.splat(factor);
  const to4 = f32x4.splat(to);
  const low4 = f32x4.splat(low);
  const high4 = f32x4.splat(high);
  const end = src + ((<usize>n) << 2);
  const d = dst - src;
  let p = src;
  for (; p + 16 <= end; p += 16) {
    const v = f32x4.add(f32x4.mul(f32x4.sub(v128.load(p), from4), factor4), to4);
    v128.store(p + d, f32x4.pmin(f32x4.pmax(v, low4), high4));
  }
  for (; p < end; p += 4) {
    const v = (load<f32>(p) - from) * factor + to;
    store<f32>(p + d, v < low ? low : v > high ? high : v);
  }
}

/** Range of the voxels that each of four lanes sees; at `lanes`: minimum [4] and maximum [4], float32. */
export function range(src: usize, n: i32, lanes: usize): void {
  let least = v128.load(lanes);
  let most = v128.load(lanes, 16);
  const end = src + ((<usize>n) << 2);
  let p = src;
  for (; p + 16 <= end; p += 16) {
    const v = v128.load(p);
    least = f32x4.pmin(least, v);
    most = f32x4.pmax(most, v);
  }
  v128.store(lanes, least);
  v128.store(lanes, most, 16);
  for (let lane = lanes; p < end; p += 4, lane += 4) {
    const v = load<f32>(p);
    if (v < load<f32>(lane)) store<f32>(lane, v);
    if (v > load<f32>(lane, 16)) store<f32>(lane, v, 16);
  }
}

/** As `range`, and after it the sums of v − shift [4] and of its square [4], float64. */
export function statistics(src: usize, n: i32, shift: f64, lanes: usize): void {
  let least = v128.load(lanes);
  let most = v128.load(lanes, 16);
  let sumA = v128.load(lanes, 32);
  let sumB = v128.load(lanes, 48);
  let squareA = v128.load(lanes, 64);
  let squareB = v128.load(lanes, 80);
  const shift2 = f64x2.splat(shift);
  const end = src + ((<usize>n) << 2);
  let p = src;
  for (; p + 16 <= end; p += 16) {
    const v = v128.load(p);
    least = f32x4.pmin(least, v);
    most = f32x4.pmax(most, v);
    const a = f64x2.sub(low2(v), shift2);
    const b = f64x2.sub(high2(v), shift2);
    sumA = f64x2.add(sumA, a);
    sumB = f64x2.add(sumB, b);
    squareA = f64x2.add(squareA, f64x2.mul(a, a));
    squareB = f64x2.add(squareB, f64x2.mul(b, b));
  }
  v128.store(lanes, least);
  v128.store(lanes, most, 16);
  v128.store(lanes, sumA, 32);
  v128.store(lanes, sumB, 48);
  v128.store(lanes, squareA, 64);
  v128.store(lanes, squareB, 80);
  for (let lane: usize = 0; p < end; p += 4, lane++) {
    const v = load<f32>(p);
    const four = lanes + (lane << 2);
    const eight = lanes + (lane << 3);
    if (v < load<f32>(four)) store<f32>(four, v);
    if (v > load<f32>(four, 16)) store<f32>(four, v, 16);
    const a = <f64>v - shift;
    store<f64>(eight, load<f64>(eight, 32) + a, 32);
    store<f64>(eight, load<f64>(eight, 64) + a * a, 64);
  }
}

// Constants as in packages/augment/src/power.ts.
const OFFSET: i32 = 0x3f3504f3; // √½
const ONE: i32 = 0x3f800000;
const MANTISSA: i32 = 0x007fffff;
const L1: f32 = 2.885390072752168;
const L3: f32 = 0.9618007592101737;
const L5: f32 = 0.5765845414507536;
const L7: f32 = 0.4342559403162013;
const E1: f32 = 0.693147202855118;
const E2: f32 = 0.24022647913573916;
const E3: f32 = 0.05550332471007652;
const E4: f32 = 0.009618437362935092;
const E5: f32 = 0.001339887445607282;
const E6: f32 = 0.00015353360679830783;

// @ts-ignore: decorator
@inline
function power4(v: v128, origin: v128, inverse: v128, coarse: v128, fine: v128, gamma: v128, tiny: v128): v128 {
  const u = f32x4.abs(f32x4.mul(f32x4.sub(v, origin), inverse));
  const shifted = i32x4.add(u, i32x4.splat(ONE - OFFSET));
  const exponent = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(shifted, 23), i32x4.splat(127)));
  const m = i32x4.add(v128.and(shifted, i32x4.splat(MANTISSA)), i32x4.splat(OFFSET));
  const one = f32x4.splat(1);
  const s = f32x4.div(f32x4.sub(m, one), f32x4.add(m, one));
  const q = f32x4.mul(s, s);
  let l = f32x4.add(f32x4.mul(f32x4.splat(L7), q), f32x4.splat(L5));
  l = f32x4.add(f32x4.mul(l, q), f32x4.splat(L3));
  l = f32x4.add(f32x4.mul(l, q), f32x4.splat(L1));
  l = f32x4.mul(l, s);
  const whole = f32x4.mul(coarse, exponent);
  const rest = f32x4.add(f32x4.mul(fine, exponent), f32x4.mul(gamma, l));
  // Added to 1.5 · 2²³ a number is rounded to an integer, which is then in the low bits.
  const rounded = f32x4.add(f32x4.add(whole, rest), f32x4.splat(12582912));
  const n = f32x4.sub(rounded, f32x4.splat(12582912));
  const f = f32x4.add(f32x4.sub(whole, n), rest);
  let e = f32x4.add(f32x4.mul(f32x4.splat(E6), f), f32x4.splat(E5));
  e = f32x4.add(f32x4.mul(e, f), f32x4.splat(E4));
  e = f32x4.add(f32x4.mul(e, f), f32x4.splat(E3));
  e = f32x4.add(f32x4.mul(e, f), f32x4.splat(E2));
  e = f32x4.add(f32x4.mul(e, f), f32x4.splat(E1));
  e = f32x4.add(f32x4.mul(e, f), one);
  const r = i32x4.add(e, i32x4.shl(rounded, 23));
  return v128.and(r, f32x4.ge(u, tiny));
}

/**
 * dst = |(src − origin) · inverse| ^ gamma · extent + origin, in float32, limited to [low, high].
 *
 * @param coarse - gamma, of which coarse · an exponent is exact
 * @param fine - gamma − coarse
 * @param tiny - smaller bases give 0
 */
export function power(
  src: usize,
  dst: usize,
  n: i32,
  origin: f32,
  inverse: f32,
  coarse: f32,
  fine: f32,
  gamma: f32,
  tiny: f32,
  extent: f32,
  low: f32,
  high: f32,
): void {
  const origin4 = f32x4.splat(origin);
  const inverse4 = f32x4.splat(inverse);
  const coarse4 = f32x4.splat(coarse);
  const fine4 = f32x4.splat(fine);
  const gamma4 = f32x4.splat(gamma);
  const tiny4 = f32x4.splat(tiny);
  const extent4 = f32x4.splat(extent);
  const low4 = f32x4.splat(low);
  const high4 = f32x4.splat(high);
  const end = src + ((<usize>n) << 2);
  const d = dst - src;
  let p = src;
  for (; p + 32 <= end; p += 32) {
    const a = power4(v128.load(p), origin4, inverse4, coarse4, fine4, gamma4, tiny4);
    const b = power4(v128.load(p, 16), origin4, inverse4, coarse4, fine4, gamma4, tiny4);
    v128.store(p + d, f32x4.pmin(f32x4.pmax(f32x4.add(f32x4.mul(a, extent4), origin4), low4), high4));
    v128.store(p + d, f32x4.pmin(f32x4.pmax(f32x4.add(f32x4.mul(b, extent4), origin4), low4), high4), 16);
  }
  for (; p < end; p += 4) {
    const a = power4(v128.load32_splat(p), origin4, inverse4, coarse4, fine4, gamma4, tiny4);
    const v = f32x4.pmin(f32x4.pmax(f32x4.add(f32x4.mul(a, extent4), origin4), low4), high4);
    store<f32>(p + d, f32x4.extract_lane(v, 0));
  }
}

/** dst = src, int32 of int16, 0 for negative ones. Reads and writes up to seven voxels beyond. */
export function widenLabels(src: usize, dst: usize, n: i32): void {
  const zero = i16x8.splat(0);
  for (let i = 0; i < n; i += 8) {
    const v = i16x8.max_s(v128.load(src + ((<usize>i) << 1)), zero);
    const to = dst + ((<usize>i) << 2);
    v128.store(to, i32x4.extend_low_i16x8_s(v));
    v128.store(to, i32x4.extend_high_i16x8_s(v), 16);
  }
}

/** The first one to three of four voxels. */
function storePart(p: usize, end: usize, v: v128): void {
  store<f32>(p, f32x4.extract_lane(v, 0));
  if (p + 4 < end) store<f32>(p, f32x4.extract_lane(v, 1), 4);
  if (p + 8 < end) store<f32>(p, f32x4.extract_lane(v, 2), 8);
}

const UNIT: f64 = 1.0 / 4294967296.0;

// @ts-ignore: decorator
@inline
function bits(state: usize): i32 {
  const a = load<i32>(state);
  const b = load<i32>(state, 4);
  const c = load<i32>(state, 8) ^ a;
  const d = load<i32>(state, 12) ^ b;
  store<i32>(state, a ^ d);
  store<i32>(state, b ^ c, 4);
  store<i32>(state, c ^ (b << 9), 8);
  store<i32>(state, rotl(d, 11), 12);
  return rotl(a + (d ^ b), 7) + a;
}

/** A value of the ziggurat's tail or of a layer's edge: NaN if it is rejected. */
function rare(state: usize, tables: usize, w: i32): f64 {
  const layer: usize = w & 127;
  const u = <f64>(w >> 7);
  if (layer === 0) {
    const tail = load<f64>(tables, 3200);
    for (;;) {
      const far = -log((<f64>(<u32>bits(state)) + 0.5) * UNIT) / tail;
      if (-2 * log((<f64>(<u32>bits(state)) + 0.5) * UNIT) > far * far) return u > 0 ? tail + far : -tail - far;
    }
  }
  const x = u * load<f64>(tables + (layer << 3));
  const low = load<f64>(tables + (layer << 3), 1536);
  const height = low + (<f64>(<u32>bits(state)) + 0.5) * UNIT * (load<f64>(tables + (layer << 3), 1544) - low);
  return height < exp(-0.5 * x * x) ? x : NaN;
}

/**
 * dst = src + deviation · a standard normal value each. At `tables`: edges · 2⁻²⁴ [128] float64, limits [128] int32,
 * heights [129] float64, at byte 3200 where the tail begins.
 */
export function noise(src: usize, dst: usize, n: i32, deviation: f64, state: usize, tables: usize): void {
  let a = load<i32>(state);
  let b = load<i32>(state, 4);
  let c = load<i32>(state, 8);
  let d = load<i32>(state, 12);
  const end = src + ((<usize>n) << 2);
  const gap = dst - src;
  for (let p = src; p < end; ) {
    const w = rotl(a + d, 7) + a;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotl(d, 11);
    const layer: usize = w & 127;
    const u = w >> 7;
    let x = <f64>u * load<f64>(tables + (layer << 3));
    if (abs(u) >= load<i32>(tables + (layer << 2), 1024)) {
      store<i32>(state, a);
      store<i32>(state, b, 4);
      store<i32>(state, c, 8);
      store<i32>(state, d, 12);
      x = rare(state, tables, w);
      a = load<i32>(state);
      b = load<i32>(state, 4);
      c = load<i32>(state, 8);
      d = load<i32>(state, 12);
      if (x !== x) continue;
    }
    store<f32>(p + gap, <f32>(<f64>load<f32>(p) + deviation * x));
    p += 4;
  }
  store<i32>(state, a);
  store<i32>(state, b, 4);
  store<i32>(state, c, 8);
  store<i32>(state, d, 12);
}

/** Kernel sums of four neighbouring columns, taps `step` bytes apart, in the order of gaussian-blur.ts. */
// @ts-ignore: decorator
@inline
function convolve4(at: usize, step: usize, kernel: usize, radius: i32, to: usize, count: usize): void {
  const centre = v128.load64_splat(kernel);
  let a = f64x2.mul(centre, v128.load(at));
  let b = f64x2.mul(centre, v128.load(at, 16));
  let k = 1;
  let q = at - step;
  let r = at + step;
  let w = kernel + 8;
  for (; k < radius; k += 2) {
    const near = v128.load64_splat(w);
    const far = v128.load64_splat(w, 8);
    const q2 = q - step;
    const r2 = r + step;
    a = f64x2.add(
      a,
      f64x2.add(
        f64x2.mul(near, f64x2.add(v128.load(q), v128.load(r))),
        f64x2.mul(far, f64x2.add(v128.load(q2), v128.load(r2))),
      ),
    );
    b = f64x2.add(
      b,
      f64x2.add(
        f64x2.mul(near, f64x2.add(v128.load(q, 16), v128.load(r, 16))),
        f64x2.mul(far, f64x2.add(v128.load(q2, 16), v128.load(r2, 16))),
      ),
    );
    q = q2 - step;
    r = r2 + step;
    w += 16;
  }
  if (k === radius) {
    const weight = v128.load64_splat(w);
    a = f64x2.add(a, f64x2.mul(weight, f64x2.add(v128.load(q), v128.load(r))));
    b = f64x2.add(b, f64x2.mul(weight, f64x2.add(v128.load(q, 16), v128.load(r, 16))));
  }
  const v = narrow(a, b);
  if (count >= 4) v128.store(to, v);
  else storePart(to, to + (count << 2), v);
}

/**
 * Blurs along `stride` (voxels) a sheet of rows of `width` voxels, in place, 16 columns at a time.
 *
 * @param source - int32 per padded position: the row that is seen there
 * @param sheet - room for (length + 2 · radius) · 16 float64
 */
export function blurAcross(
  data: usize,
  stride: i32,
  width: i32,
  length: i32,
  kernel: usize,
  radius: i32,
  source: usize,
  sheet: usize,
): void {
  const pitch = (<usize>stride) << 2;
  const rows = length + 2 * radius;
  for (let x0 = 0; x0 < width; x0 += 16) {
    const columns = <usize>min(16, width - x0);
    const first = data + ((<usize>x0) << 2);
    for (let i = 0; i < rows; i++) {
      const from = first + <usize>load<i32>(source + ((<usize>i) << 2)) * pitch;
      const to = sheet + ((<usize>i) << 7);
      // Up to three voxels beyond the row are read; they do not come into any sum that is kept.
      for (let x: usize = 0; x < columns; x += 4) {
        const v = v128.load(from + (x << 2));
        v128.store(to + (x << 3), low2(v));
        v128.store(to + (x << 3), high2(v), 16);
      }
    }
    for (let i = 0; i < length; i++) {
      const at = sheet + ((<usize>(i + radius)) << 7);
      const to = first + <usize>i * pitch;
      for (let x: usize = 0; x < columns; x += 4) {
        convolve4(at + (x << 3), 128, kernel, radius, to + (x << 2), columns - x);
      }
    }
  }
}

/** Blurs `rows` rows of `length` voxels, in place. As `blurAcross`; `line` has room for length + 2 · radius + 3. */
export function blurRows(
  data: usize,
  rows: i32,
  length: i32,
  kernel: usize,
  radius: i32,
  source: usize,
  line: usize,
): void {
  const pitch = (<usize>length) << 2;
  const middle = line + ((<usize>radius) << 3);
  const after = middle + ((<usize>length) << 3);
  for (let i = 0; i < rows; i++) {
    const row = data + <usize>i * pitch;
    for (let k = 0; k < radius; k++) {
      const left = load<f32>(row + ((<usize>load<i32>(source + ((<usize>k) << 2))) << 2));
      const right = load<f32>(row + ((<usize>load<i32>(source + ((<usize>(length + radius + k)) << 2))) << 2));
      store<f64>(line + ((<usize>k) << 3), left);
      store<f64>(after + ((<usize>k) << 3), right);
    }
    let x: usize = 0;
    for (; x + 16 <= pitch; x += 16) {
      const v = v128.load(row + x);
      v128.store(middle + (x << 1), low2(v));
      v128.store(middle + (x << 1), high2(v), 16);
    }
    for (; x < pitch; x += 4) store<f64>(middle + (x << 1), load<f32>(row + x));
    for (let o = 0; o < length; o += 4) {
      const b = (<usize>o) << 2;
      convolve4(middle + (b << 1), 8, kernel, radius, row + b, <usize>(length - o));
    }
  }
}

// @ts-ignore: decorator
@inline
function swapElements(a: usize, b: usize, size: usize): void {
  for (let k: usize = 0; k < size; k++) {
    const held = load<u8>(a + k);
    store<u8>(a + k, load<u8>(b + k));
    store<u8>(b + k, held);
  }
}

/** Exchanges two different rows; with `turn` each is reversed. */
function swapRows(a: usize, b: usize, bytes: usize, size: usize, turn: bool, order: v128): void {
  let i: usize = 0;
  if (turn) {
    for (; i + 16 <= bytes; i += 16) {
      const q = b + bytes - 16 - i;
      const left = v128.load(a + i);
      v128.store(a + i, i8x16.swizzle(v128.load(q), order));
      v128.store(q, i8x16.swizzle(left, order));
    }
    for (; i < bytes; i += size) swapElements(a + i, b + bytes - size - i, size);
  } else {
    for (; i + 16 <= bytes; i += 16) {
      const left = v128.load(a + i);
      v128.store(a + i, v128.load(b + i));
      v128.store(b + i, left);
    }
    for (; i < bytes; i += size) swapElements(a + i, b + i, size);
  }
}

function reverseRow(a: usize, bytes: usize, size: usize, order: v128): void {
  let i: usize = 0;
  for (; (i << 1) + 32 <= bytes; i += 16) {
    const q = a + bytes - 16 - i;
    const left = v128.load(a + i);
    v128.store(a + i, i8x16.swizzle(v128.load(q), order));
    v128.store(q, i8x16.swizzle(left, order));
  }
  for (; (i << 1) + size < bytes; i += size) swapElements(a + i, a + bytes - size - i, size);
}

/**
 * Reverses axes of a [z, y, x] volume in place, all at once: a voxel and the one that it changes places with.
 *
 * @param size - bytes of a voxel: 1, 2 or 4
 * @param axes - 1: x, 2: y, 4: z, added
 */
export function mirror(data: usize, nz: i32, ny: i32, nx: i32, size: usize, axes: i32): void {
  const bytes = <usize>nx * size;
  const turn = (axes & 1) !== 0;
  let order = i8x16(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  if (size === 2) order = i8x16(14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1);
  if (size === 4) order = i8x16(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  for (let row = 0, z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++, row++) {
      const other = (axes & 4 ? nz - 1 - z : z) * ny + (axes & 2 ? ny - 1 - y : y);
      if (other < row) continue;
      const a = data + <usize>row * bytes;
      if (other > row) swapRows(a, data + <usize>other * bytes, bytes, size, turn, order);
      else if (turn) reverseRow(a, bytes, size, order);
    }
  }
}
