// AssemblyScript. The SIMD twin of packages/augment/src/spline-prefilter.ts: the same float32 operations in the same
// order on every line, 16 lines at a time. Built by tools/wasm/build.mjs.
//
// Addresses are bytes. `table` is `terms` float32: the weights of the first voxels in the first coefficient.

// As in spline-prefilter.ts: √3 − 2, and the gain 6z / (z² − 1).
const POLE: f32 = -0.2679491924311227;
const GAIN: f32 = 1.7320508075688772;

// @ts-ignore: decorator
@inline
function mirroredRow(sheet: usize, i: i32, n: i32): usize {
  const row = i < n ? i : 2 * n - 2 - i;
  return sheet + ((<usize>row) << 6);
}

/** Filters 4 columns of `n` rows of 64 bytes, in place. */
// @ts-ignore: decorator
@inline
function filter4(sheet: usize, n: i32, table: usize, terms: i32): void {
  const z = f32x4.splat(POLE);
  let state = f32x4.splat(0);
  for (let i = 0; i < terms; i++) {
    const weight = v128.load32_splat(table + ((<usize>i) << 2));
    state = f32x4.add(state, f32x4.mul(weight, v128.load(mirroredRow(sheet, i, n))));
  }
  v128.store(sheet, state);
  const last = sheet + ((<usize>(n - 1)) << 6);
  let p = sheet + 64;
  for (; p < last; p += 64) {
    state = f32x4.add(v128.load(p), f32x4.mul(z, state));
    v128.store(p, state);
  }
  const end = f32x4.add(v128.load(last), f32x4.mul(z, state));
  state = f32x4.mul(f32x4.splat(GAIN), f32x4.add(f32x4.mul(z, state), end));
  v128.store(last, state);
  for (p = last - 64; p >= sheet; p -= 64) {
    state = f32x4.mul(z, f32x4.sub(state, f32x4.mul(f32x4.splat(6), v128.load(p))));
    v128.store(p, state);
  }
}

/** As `filter4`, 16 columns, whose recursions run beside each other. */
function filter16(sheet: usize, n: i32, table: usize, terms: i32): void {
  const z = f32x4.splat(POLE);
  const six = f32x4.splat(6);
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let i = 0; i < terms; i++) {
    const weight = v128.load32_splat(table + ((<usize>i) << 2));
    const q = mirroredRow(sheet, i, n);
    a = f32x4.add(a, f32x4.mul(weight, v128.load(q)));
    b = f32x4.add(b, f32x4.mul(weight, v128.load(q, 16)));
    c = f32x4.add(c, f32x4.mul(weight, v128.load(q, 32)));
    d = f32x4.add(d, f32x4.mul(weight, v128.load(q, 48)));
  }
  v128.store(sheet, a);
  v128.store(sheet, b, 16);
  v128.store(sheet, c, 32);
  v128.store(sheet, d, 48);
  const last = sheet + ((<usize>(n - 1)) << 6);
  let p = sheet + 64;
  for (; p < last; p += 64) {
    a = f32x4.add(v128.load(p), f32x4.mul(z, a));
    b = f32x4.add(v128.load(p, 16), f32x4.mul(z, b));
    c = f32x4.add(v128.load(p, 32), f32x4.mul(z, c));
    d = f32x4.add(v128.load(p, 48), f32x4.mul(z, d));
    v128.store(p, a);
    v128.store(p, b, 16);
    v128.store(p, c, 32);
    v128.store(p, d, 48);
  }
  const gain = f32x4.splat(GAIN);
  a = f32x4.mul(gain, f32x4.add(f32x4.mul(z, a), f32x4.add(v128.load(last), f32x4.mul(z, a))));
  b = f32x4.mul(gain, f32x4.add(f32x4.mul(z, b), f32x4.add(v128.load(last, 16), f32x4.mul(z, b))));
  c = f32x4.mul(gain, f32x4.add(f32x4.mul(z, c), f32x4.add(v128.load(last, 32), f32x4.mul(z, c))));
  d = f32x4.mul(gain, f32x4.add(f32x4.mul(z, d), f32x4.add(v128.load(last, 48), f32x4.mul(z, d))));
  v128.store(last, a);
  v128.store(last, b, 16);
  v128.store(last, c, 32);
  v128.store(last, d, 48);
  for (p = last - 64; p >= sheet; p -= 64) {
    a = f32x4.mul(z, f32x4.sub(a, f32x4.mul(six, v128.load(p))));
    b = f32x4.mul(z, f32x4.sub(b, f32x4.mul(six, v128.load(p, 16))));
    c = f32x4.mul(z, f32x4.sub(c, f32x4.mul(six, v128.load(p, 32))));
    d = f32x4.mul(z, f32x4.sub(d, f32x4.mul(six, v128.load(p, 48))));
    v128.store(p, a);
    v128.store(p, b, 16);
    v128.store(p, c, 32);
    v128.store(p, d, 48);
  }
}

function filterSheet(sheet: usize, columns: i32, n: i32, table: usize, terms: i32): void {
  if (columns === 16) filter16(sheet, n, table, terms);
  else for (let x = 0; x < columns; x += 4) filter4(sheet + ((<usize>x) << 2), n, table, terms);
}

/**
 * Filters, along rows `width` voxels apart, `n` ≥ 2 rows, in place. Reads up to three voxels beyond them.
 *
 * @param sheet - room for n · 16 float32
 */
export function filterAcross(data: usize, width: i32, n: i32, table: usize, terms: i32, sheet: usize): void {
  const pitch = (<usize>width) << 2;
  for (let x0 = 0; x0 < width; x0 += 16) {
    const columns = min(16, width - x0);
    const bytes = (<usize>columns) << 2;
    const first = data + ((<usize>x0) << 2);
    for (let i = 0; i < n; i++) {
      const from = first + <usize>i * pitch;
      const to = sheet + ((<usize>i) << 6);
      for (let x: usize = 0; x < bytes; x += 16) v128.store(to + x, v128.load(from + x));
    }
    filterSheet(sheet, columns, n, table, terms);
    for (let i = 0; i < n; i++) {
      const to = first + <usize>i * pitch;
      const from = sheet + ((<usize>i) << 6);
      let x: usize = 0;
      for (; x + 16 <= bytes; x += 16) v128.store(to + x, v128.load(from + x));
      for (; x < bytes; x += 4) store<f32>(to + x, load<f32>(from + x));
    }
  }
}

/** Four rows become columns, or four columns rows: 4×4 float32 at `from` and `to`. */
// @ts-ignore: decorator
@inline
function turn4(from: usize, fromPitch: usize, to: usize, toPitch: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + fromPitch);
  const c = v128.load(from + 2 * fromPitch);
  const d = v128.load(from + 3 * fromPitch);
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
  v128.store(to + toPitch, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
  v128.store(to + 2 * toPitch, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
  v128.store(to + 3 * toPitch, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
}

/** Filters `rows` rows of `n` ≥ 2 voxels, in place; `sheet` as of `filterAcross`. */
export function filterRows(data: usize, rows: i32, n: i32, table: usize, terms: i32, sheet: usize): void {
  const pitch = (<usize>n) << 2;
  const even = pitch & ~15;
  for (let r0 = 0; r0 < rows; r0 += 16) {
    const count = min(16, rows - r0);
    const whole = count & ~3;
    const first = data + <usize>r0 * pitch;
    for (let r = 0; r < whole; r += 4) {
      const row = first + <usize>r * pitch;
      const column = sheet + ((<usize>r) << 2);
      for (let x: usize = 0; x < even; x += 16) turn4(row + x, pitch, column + (x << 4), 64);
    }
    for (let r = 0; r < count; r++) {
      const row = first + <usize>r * pitch;
      const column = sheet + ((<usize>r) << 2);
      for (let x = r < whole ? even : 0; x < pitch; x += 4) store<f32>(column + (x << 4), load<f32>(row + x));
    }
    filterSheet(sheet, count, n, table, terms);
    for (let r = 0; r < whole; r += 4) {
      const row = first + <usize>r * pitch;
      const column = sheet + ((<usize>r) << 2);
      for (let x: usize = 0; x < even; x += 16) turn4(column + (x << 4), 64, row + x, pitch);
    }
    for (let r = 0; r < count; r++) {
      const row = first + <usize>r * pitch;
      const column = sheet + ((<usize>r) << 2);
      for (let x = r < whole ? even : 0; x < pitch; x += 4) store<f32>(row + x, load<f32>(column + (x << 4)));
    }
  }
}
