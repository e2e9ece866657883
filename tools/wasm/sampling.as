// AssemblyScript. The SIMD twins of packages/augment/src/transform-image.ts and transform-labels.ts: the same operations
// (float64; of the cubic spline float32) in the same order, so that the results are equal bit by bit. Built by
// tools/wasm/build.mjs.
//
// Addresses are bytes. `matrix` is nine float64 of the sampling matrix and three of the centre in the source.

// @ts-ignore: decorator
@inline
function entry(matrix: usize, i: i32): f64 {
  return load<f64>(matrix + ((<usize>i) << 3));
}

// @ts-ignore: decorator
@inline
function pair(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

// @ts-ignore: decorator
@inline
function mix(a: v128, b: v128, t: v128): v128 {
  return f64x2.add(a, f64x2.mul(t, f64x2.sub(b, a)));
}

// Where a row of the patch is sampled, set by `startRow`.
let z0: f64 = 0;
let y0: f64 = 0;
let x0: f64 = 0;
let dz: f64 = 0;
let dy: f64 = 0;
let dx: f64 = 0;

// @ts-ignore: decorator
@inline
function startRow(matrix: usize, pz: f64, py: f64, px: f64): void {
  z0 = entry(matrix, 0) * pz + entry(matrix, 1) * py + entry(matrix, 2) * px + entry(matrix, 9);
  y0 = entry(matrix, 3) * pz + entry(matrix, 4) * py + entry(matrix, 5) * px + entry(matrix, 10);
  x0 = entry(matrix, 6) * pz + entry(matrix, 7) * py + entry(matrix, 8) * px + entry(matrix, 11);
  dz = entry(matrix, 2);
  dy = entry(matrix, 5);
  dx = entry(matrix, 8);
}

/** Whether sample i has all eight voxels around it; `lastZ` is nz, not nz − 1, where only one plane is needed. */
// @ts-ignore: decorator
@inline
function within(i: i32, lastZ: f64, lastY: f64, lastX: f64): bool {
  const z = z0 + <f64>i * dz;
  const y = y0 + <f64>i * dy;
  const x = x0 + <f64>i * dx;
  return z >= 0 && y >= 0 && x >= 0 && z < lastZ && y < lastY && x < lastX;
}

/**
 * Bytes from the first voxel to the one at or before samples `low` … `high` − 1 of a row, as int64 at `row`, and the
 * distances from it, as float64 [z, y, x] at `parts`, each with room for one more.
 */
function locate(low: i32, high: i32, plane: i32, nx: i32, size: f64, row: usize, parts: usize): void {
  const dz2 = f64x2.splat(dz);
  const dy2 = f64x2.splat(dy);
  const dx2 = f64x2.splat(dx);
  const z02 = f64x2.splat(z0);
  const y02 = f64x2.splat(y0);
  const x02 = f64x2.splat(x0);
  const planeBytes = f64x2.splat(<f64>plane * size);
  const rowBytes = f64x2.splat(<f64>nx * size);
  const bytes = f64x2.splat(size);
  const magic = f64x2.splat(4503599627370496.0); // 2⁵²: an integer added to it is in the low bits
  let i2 = f64x2.replace_lane(f64x2.splat(<f64>low), 1, <f64>(low + 1));
  for (let i = low; i < high; i += 2) {
    const z = f64x2.add(z02, f64x2.mul(i2, dz2));
    const y = f64x2.add(y02, f64x2.mul(i2, dy2));
    const x = f64x2.add(x02, f64x2.mul(i2, dx2));
    const iz = f64x2.floor(z);
    const iy = f64x2.floor(y);
    const ix = f64x2.floor(x);
    const first = f64x2.add(f64x2.add(f64x2.mul(iz, planeBytes), f64x2.mul(iy, rowBytes)), f64x2.mul(ix, bytes));
    v128.store(row, f64x2.add(first, magic));
    if (parts !== 0) {
      const tz = f64x2.sub(z, iz);
      const ty = f64x2.sub(y, iy);
      const tx = f64x2.sub(x, ix);
      v128.store(parts, v128.shuffle<f64>(tz, ty, 0, 2));
      v128.store(parts, v128.shuffle<f64>(tx, tz, 0, 3), 16);
      v128.store(parts, v128.shuffle<f64>(ty, tx, 1, 3), 32);
      parts += 48;
    }
    row += 16;
    i2 = f64x2.add(i2, f64x2.splat(2));
  }
}

/** As `locate` for a row in plane z0; the distances are [y, x]. */
function locateInPlane(low: i32, high: i32, plane: i32, nx: i32, size: f64, row: usize, parts: usize): void {
  const dy2 = f64x2.splat(dy);
  const dx2 = f64x2.splat(dx);
  const y02 = f64x2.splat(y0);
  const x02 = f64x2.splat(x0);
  const rowBytes = f64x2.splat(<f64>nx * size);
  const bytes = f64x2.splat(size);
  const first = f64x2.splat(4503599627370496.0 + z0 * <f64>plane * size); // as in `locate`
  let i2 = f64x2.replace_lane(f64x2.splat(<f64>low), 1, <f64>(low + 1));
  for (let i = low; i < high; i += 2) {
    const y = f64x2.add(y02, f64x2.mul(i2, dy2));
    const x = f64x2.add(x02, f64x2.mul(i2, dx2));
    const iy = f64x2.floor(y);
    const ix = f64x2.floor(x);
    v128.store(row, f64x2.add(first, f64x2.add(f64x2.mul(iy, rowBytes), f64x2.mul(ix, bytes))));
    if (parts !== 0) {
      const ty = f64x2.sub(y, iy);
      const tx = f64x2.sub(x, ix);
      v128.store(parts, v128.shuffle<f64>(ty, tx, 0, 2));
      v128.store(parts, v128.shuffle<f64>(ty, tx, 1, 3), 16);
      parts += 32;
    }
    row += 16;
    i2 = f64x2.add(i2, f64x2.splat(2));
  }
}

/** src [nz, ny, nx] float32 → dst [tz, ty, tx] float32; `scratch` has room for 4 float64 for each of targetX + 1. */
export function sampleImage(
  src: usize,
  nz: i32,
  ny: i32,
  nx: i32,
  dst: usize,
  targetZ: i32,
  targetY: i32,
  targetX: i32,
  matrix: usize,
  scratch: usize,
): void {
  const plane = ny * nx;
  const row = (<usize>nx) << 2;
  const px = -(<f64>(targetX - 1)) / 2;
  const parts = scratch + ((<usize>(targetX + 1)) << 3);
  let to = dst;
  for (let k = 0; k < targetZ; k++) {
    const pz = <f64>k - <f64>(targetZ - 1) / 2;
    for (let j = 0; j < targetY; j++, to += (<usize>targetX) << 2) {
      startRow(matrix, pz, <f64>j - <f64>(targetY - 1) / 2, px);
      // A row in one plane needs none above it.
      const flat = dz === 0 && z0 === Math.floor(z0);
      const lastZ = <f64>(flat ? nz : nz - 1);
      const up = (<usize>plane) << 2;
      let low = 0;
      while (low < targetX && !within(low, lastZ, <f64>(ny - 1), <f64>(nx - 1))) low++;
      let high = targetX;
      while (high > low && !within(high - 1, lastZ, <f64>(ny - 1), <f64>(nx - 1))) high--;
      for (let i = 0; i < low; i++) storeEdge(src, nz, ny, nx, i, to);
      for (let i = high; i < targetX; i++) storeEdge(src, nz, ny, nx, i, to);
      let at = scratch;
      let t = parts;
      let q = to + ((<usize>low) << 2);
      const end = to + ((<usize>high) << 2);
      if (flat) {
        locateInPlane(low, high, plane, nx, 4, scratch, parts);
        for (; q < end; q += 4, at += 8, t += 16) {
          const p = src + <usize>load<u32>(at);
          const m = mix(pair(p), pair(p + row), v128.load64_splat(t));
          const left = f64x2.extract_lane(m, 0);
          store<f32>(q, <f32>(left + load<f64>(t, 8) * (f64x2.extract_lane(m, 1) - left)));
        }
        continue;
      }
      locate(low, high, plane, nx, 4, scratch, parts);
      for (; q < end; q += 4) {
        const p = src + <usize>load<u32>(at);
        const tz = v128.load64_splat(t);
        const near = mix(pair(p), pair(p + up), tz);
        const far = mix(pair(p + row), pair(p + row + up), tz);
        const m = mix(near, far, v128.load64_splat(t, 8));
        const left = f64x2.extract_lane(m, 0);
        store<f32>(q, <f32>(left + load<f64>(t, 16) * (f64x2.extract_lane(m, 1) - left)));
        at += 8;
        t += 24;
      }
    }
  }
}

function storeEdge(src: usize, nz: i32, ny: i32, nx: i32, i: i32, to: usize): void {
  const v = edge(src, nz, ny, nx, z0 + <f64>i * dz, y0 + <f64>i * dy, x0 + <f64>i * dx);
  store<f32>(to + ((<usize>i) << 2), v);
}

/** Where some of the eight voxels are outside, and 0. */
function edge(src: usize, nz: i32, ny: i32, nx: i32, z: f64, y: f64, x: f64): f32 {
  const fz = Math.floor(z);
  const fy = Math.floor(y);
  const fx = Math.floor(x);
  if (fz < -1 || fy < -1 || fx < -1 || fz >= <f64>nz || fy >= <f64>ny || fx >= <f64>nx) return 0;
  const tz = z - fz;
  const ty = y - fy;
  const tx = x - fx;
  const iz = <i32>fz;
  const iy = <i32>fy;
  const ix = <i32>fx;
  let sum: f64 = 0;
  for (let k = 0; k < 8; k++) {
    const weight = (k & 4 ? tz : 1 - tz) * (k & 2 ? ty : 1 - ty) * (k & 1 ? tx : 1 - tx);
    if (!(weight > 0)) continue;
    const a = iz + (k >> 2);
    const b = iy + ((k >> 1) & 1);
    const c = ix + (k & 1);
    const inside = a >= 0 && b >= 0 && c >= 0 && a < nz && b < ny && c < nx;
    sum += weight * (inside ? <f64>load<f32>(src + ((<usize>((a * ny + b) * nx + c)) << 2)) : 0);
  }
  return <f32>sum;
}

/** The four pieces of the cubic B-spline, in float32. */
// @ts-ignore: decorator
@inline
function spline4(at: usize): v128 {
  const t = <f32>load<f64>(at);
  const u = f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(1 - t), 1, t), 3, t); // [1 − t, t, 1 − t, t]
  const square = f32x4.mul(u, u);
  const outer = f32x4.mul(f32x4.mul(square, u), f32x4.splat(<f32>(1.0 / 6)));
  const slope = f32x4.sub(f32x4.splat(1), f32x4.mul(u, f32x4.splat(0.5)));
  const inner = f32x4.sub(f32x4.splat(<f32>(2.0 / 3)), f32x4.mul(square, slope));
  return v128.shuffle<f32>(outer, inner, 0, 5, 6, 3);
}

// @ts-ignore: decorator
@inline
function lane(v: v128, i: i32): v128 {
  if (i === 0) return v128.shuffle<f32>(v, v, 0, 0, 0, 0);
  if (i === 1) return v128.shuffle<f32>(v, v, 1, 1, 1, 1);
  if (i === 2) return v128.shuffle<f32>(v, v, 2, 2, 2, 2);
  return v128.shuffle<f32>(v, v, 3, 3, 3, 3);
}

/** Σ wy[b] · the four coefficients of row b. */
// @ts-ignore: decorator
@inline
function overRows(p: usize, row: usize, y0: v128, y1: v128, y2: v128, y3: v128): v128 {
  const first = f32x4.add(f32x4.mul(y0, v128.load(p)), f32x4.mul(y1, v128.load(p + row)));
  const three = f32x4.add(first, f32x4.mul(y2, v128.load(p + 2 * row)));
  return f32x4.add(three, f32x4.mul(y3, v128.load(p + 3 * row)));
}

// @ts-ignore: decorator
@inline
function overColumns(v: v128, x: v128): f32 {
  const w = f32x4.mul(v, x);
  const two = f32x4.add(w, v128.shuffle<f32>(w, w, 2, 3, 0, 1));
  return f32x4.extract_lane(two, 0) + f32x4.extract_lane(two, 1);
}

/** Whether all coefficients of sample i are inside; along z there is but one plane in a slice. */
// @ts-ignore: decorator
@inline
function deepWithin(i: i32, slice: bool, nz: i32, ny: i32, nx: i32): bool {
  const z = z0 + <f64>i * dz;
  const y = y0 + <f64>i * dy;
  const x = x0 + <f64>i * dx;
  const inZ = slice ? z === 0 : z >= 1 && z < <f64>(nz - 2);
  return inZ && y >= 1 && x >= 1 && y < <f64>(ny - 2) && x < <f64>(nx - 2);
}

/** As `sampleImage`, from the spline coefficients that `filterRows` and `filterAcross` leave. */
export function sampleCubic(
  src: usize,
  nz: i32,
  ny: i32,
  nx: i32,
  dst: usize,
  targetZ: i32,
  targetY: i32,
  targetX: i32,
  matrix: usize,
  scratch: usize,
): void {
  const up = (<usize>(ny * nx)) << 2;
  const row = (<usize>nx) << 2;
  const slice = nz === 1;
  const corner = (slice ? <usize>0 : up) + row + 4;
  const px = -(<f64>(targetX - 1)) / 2;
  const parts = scratch + ((<usize>(targetX + 1)) << 3);
  let to = dst;
  for (let k = 0; k < targetZ; k++) {
    const pz = <f64>k - <f64>(targetZ - 1) / 2;
    for (let j = 0; j < targetY; j++, to += (<usize>targetX) << 2) {
      startRow(matrix, pz, <f64>j - <f64>(targetY - 1) / 2, px);
      let low = 0;
      while (low < targetX && !deepWithin(low, slice, nz, ny, nx)) low++;
      let high = targetX;
      while (high > low && !deepWithin(high - 1, slice, nz, ny, nx)) high--;
      locate(low, high, ny * nx, nx, 4, scratch, parts);
      let at = scratch;
      let t = parts;
      const end = to + ((<usize>high) << 2);
      for (let q = to + ((<usize>low) << 2); q < end; q += 4, at += 8, t += 24) {
        const p = src + <usize>load<u32>(at) - corner;
        const y = spline4(t + 8);
        const y0 = lane(y, 0);
        const y1 = lane(y, 1);
        const y2 = lane(y, 2);
        const y3 = lane(y, 3);
        let sum = overRows(p, row, y0, y1, y2, y3);
        if (!slice) {
          const z = spline4(t);
          sum = f32x4.mul(lane(z, 0), sum);
          sum = f32x4.add(sum, f32x4.mul(lane(z, 1), overRows(p + up, row, y0, y1, y2, y3)));
          sum = f32x4.add(sum, f32x4.mul(lane(z, 2), overRows(p + 2 * up, row, y0, y1, y2, y3)));
          sum = f32x4.add(sum, f32x4.mul(lane(z, 3), overRows(p + 3 * up, row, y0, y1, y2, y3)));
        }
        store<f32>(q, overColumns(sum, spline4(t + 16)));
      }
      for (let i = 0; i < low; i++) storeMirrored(src, nz, ny, nx, i, to);
      for (let i = high; i < targetX; i++) storeMirrored(src, nz, ny, nx, i, to);
    }
  }
}

/** Low addresses, used within a call: distances from the voxel before, weights [16], byte offsets of four neighbours. */
const DISTANCE: usize = 400;
const NEIGHBOURS: usize = 416;

/** Where each of four neighbours along an axis lies: coefficients are mirrored about the outermost voxels. */
function mirrored(at: f64, n: i32, stride: i32, slot: usize): f64 {
  const low = Math.floor(at);
  for (let k = 0; k < 4; k++) {
    let index = abs(<i32>low - 1 + k);
    if (index >= n) index = n === 1 ? 0 : 2 * n - 2 - index;
    store<i32>(slot + ((<usize>k) << 2), index < 0 ? 0 : (index * stride) << 2);
  }
  return at - low;
}

function storeMirrored(src: usize, nz: i32, ny: i32, nx: i32, i: i32, to: usize): void {
  const z = z0 + <f64>i * dz;
  const y = y0 + <f64>i * dy;
  const x = x0 + <f64>i * dx;
  const q = to + ((<usize>i) << 2);
  if (!(z >= 0 && y >= 0 && x >= 0 && z <= <f64>(nz - 1) && y <= <f64>(ny - 1) && x <= <f64>(nx - 1))) {
    store<f32>(q, 0);
    return;
  }
  store<f64>(DISTANCE, mirrored(z, nz, ny * nx, NEIGHBOURS));
  const wz = spline4(DISTANCE);
  store<f64>(DISTANCE, mirrored(y, ny, nx, NEIGHBOURS + 16));
  const wy = spline4(DISTANCE);
  store<f64>(DISTANCE, mirrored(x, nx, 1, NEIGHBOURS + 32));
  const wx = spline4(DISTANCE);
  let sum = mirroredRows(src, 0, wy);
  if (nz > 1) {
    sum = f32x4.mul(lane(wz, 0), sum);
    sum = f32x4.add(sum, f32x4.mul(lane(wz, 1), mirroredRows(src, 4, wy)));
    sum = f32x4.add(sum, f32x4.mul(lane(wz, 2), mirroredRows(src, 8, wy)));
    sum = f32x4.add(sum, f32x4.mul(lane(wz, 3), mirroredRows(src, 12, wy)));
  }
  store<f32>(q, overColumns(sum, wx));
}

function mirroredRows(src: usize, planeSlot: usize, wy: v128): v128 {
  const p = src + <usize>load<u32>(NEIGHBOURS + planeSlot);
  const first = f32x4.add(
    f32x4.mul(lane(wy, 0), mirroredRow(p + <usize>load<u32>(NEIGHBOURS + 16))),
    f32x4.mul(lane(wy, 1), mirroredRow(p + <usize>load<u32>(NEIGHBOURS + 20))),
  );
  const three = f32x4.add(first, f32x4.mul(lane(wy, 2), mirroredRow(p + <usize>load<u32>(NEIGHBOURS + 24))));
  return f32x4.add(three, f32x4.mul(lane(wy, 3), mirroredRow(p + <usize>load<u32>(NEIGHBOURS + 28))));
}

function mirroredRow(p: usize): v128 {
  const a = f32x4.splat(load<f32>(p + <usize>load<u32>(NEIGHBOURS + 32)));
  const b = f32x4.replace_lane(a, 1, load<f32>(p + <usize>load<u32>(NEIGHBOURS + 36)));
  const c = f32x4.replace_lane(b, 2, load<f32>(p + <usize>load<u32>(NEIGHBOURS + 40)));
  return f32x4.replace_lane(c, 3, load<f32>(p + <usize>load<u32>(NEIGHBOURS + 44)));
}

/**
 * src [nz, ny, nx] int16 → dst [tz, ty, tx] int16. Reads, but does not use, up to a plane, a row and a voxel beyond
 * src; `scratch` has room for a float64 for each of targetX + 1.
 */
export function sampleLabels(
  src: usize,
  nz: i32,
  ny: i32,
  nx: i32,
  dst: usize,
  targetZ: i32,
  targetY: i32,
  targetX: i32,
  matrix: usize,
  scratch: usize,
  argmax: bool,
  outside: i32,
): void {
  const plane = ny * nx;
  const behind = (<usize>nx) << 1;
  const px = -(<f64>(targetX - 1)) / 2;
  let to = dst;
  for (let k = 0; k < targetZ; k++) {
    const pz = <f64>k - <f64>(targetZ - 1) / 2;
    for (let j = 0; j < targetY; j++, to += (<usize>targetX) << 1) {
      startRow(matrix, pz, <f64>j - <f64>(targetY - 1) / 2, px);
      // A row in one plane needs none above it.
      const above: usize = dz === 0 && z0 === Math.floor(z0) ? 0 : (<usize>plane) << 1;
      let low = 0;
      while (low < targetX && !inside(low, nz, ny, nx)) low++;
      let high = targetX;
      while (high > low && !inside(high - 1, nz, ny, nx)) high--;
      for (let i = 0; i < low; i++) store<i16>(to + ((<usize>i) << 1), <i16>outside);
      for (let i = high; i < targetX; i++) store<i16>(to + ((<usize>i) << 1), <i16>outside);
      if (above === 0) locateInPlane(low, high, plane, nx, 2, scratch, 0);
      else locate(low, high, plane, nx, 2, scratch, 0);
      let at = scratch;
      let i = low;
      for (; above === 0 && i < high; i++, at += 8) {
        const p = src + <usize>load<u32>(at);
        const two = load<i32>(p);
        const q = to + ((<usize>i) << 1);
        if (((two ^ load<i32>(p + behind)) | (two ^ rotl(two, 16))) === 0) store<i16>(q, <i16>two);
        else store<i16>(q, <i16>betweenFour(p, behind, i, argmax));
      }
      for (; i < high; i++, at += 8) {
        const p = src + <usize>load<u32>(at);
        // Two neighbours along x at once. Where the point lies on a voxel more are looked at than count, which may
        // only send it the slow way.
        const two = load<i32>(p);
        const same =
          (two ^ load<i32>(p + above)) | (two ^ load<i32>(p + behind)) | (two ^ load<i32>(p + above + behind));
        const q = to + ((<usize>i) << 1);
        if ((same | (two ^ rotl(two, 16))) === 0) store<i16>(q, <i16>two);
        else store<i16>(q, <i16>betweenLabels(p, above, behind, i, argmax));
      }
    }
  }
}

/** Whether sample i is not beyond the outermost voxel centres. */
// @ts-ignore: decorator
@inline
function inside(i: i32, nz: i32, ny: i32, nx: i32): bool {
  const z = z0 + <f64>i * dz;
  const y = y0 + <f64>i * dy;
  const x = x0 + <f64>i * dx;
  return z >= 0 && y >= 0 && x >= 0 && z <= <f64>(nz - 1) && y <= <f64>(ny - 1) && x <= <f64>(nx - 1);
}

function betweenLabels(p: usize, above: usize, behind: usize, i: i32, argmax: bool): i32 {
  const z = z0 + <f64>i * dz;
  const y = y0 + <f64>i * dy;
  const x = x0 + <f64>i * dx;
  const tz = z - Math.floor(z);
  const ty = y - Math.floor(y);
  const tx = x - Math.floor(x);
  // Inside the outermost centres there is a next voxel unless the point lies on this one.
  const up = tz > 0 ? above : 0;
  const back = ty > 0 ? behind : 0;
  const right: usize = tx > 0 ? 2 : 0;
  return mixedLabel(load<i16>(p), p, up, back, right, tz, ty, tx, argmax);
}

/** As `betweenLabels` in a plane: what it adds there are zeros, so the results are the same. */
function betweenFour(p: usize, behind: usize, i: i32, argmax: bool): i32 {
  const y = y0 + <f64>i * dy;
  const x = x0 + <f64>i * dx;
  const ty = y - Math.floor(y);
  const tx = x - Math.floor(x);
  const back = ty > 0 ? behind : 0;
  const right: usize = tx > 0 ? 2 : 0;
  const label = <i32>load<i16>(p);
  const b = <i32>load<i16>(p + right);
  const c = <i32>load<i16>(p + back);
  const d = <i32>load<i16>(p + back + right);
  const other = b !== label ? b : c !== label ? c : d;
  if (other === label) return label;
  const sy = 1 - ty;
  const sx = 1 - tx;
  const wb = sy * tx;
  const wc = ty * sx;
  const wd = ty * tx;
  const third =
    (<i32>(c !== label) & <i32>(c !== other) & <i32>(wc > 0)) |
    (<i32>(d !== label) & <i32>(d !== other) & <i32>(wd > 0));
  if (third) return oneOfMany(p, 0, back, right, 0, ty, tx, argmax);
  const mass = sy * sx + part(wb, b === label) + part(wc, c === label) + part(wd, d === label);
  const otherMass = part(wb, b === other) + part(wc, c === other) + part(wd, d === other);
  if (mass === otherMass) return argmax ? min(label, other) : max(label, other);
  return mass > otherMass ? label : other;
}

// @ts-ignore: decorator
@inline
function weightOf(k: i32, tz: f64, ty: f64, tx: f64): f64 {
  return (k & 4 ? tz : 1 - tz) * (k & 2 ? ty : 1 - ty) * (k & 1 ? tx : 1 - tx);
}

// @ts-ignore: decorator
@inline
function neighbour(first: usize, k: i32, up: usize, back: usize, right: usize): i32 {
  return load<i16>(first + (k & 4 ? up : 0) + (k & 2 ? back : 0) + (k & 1 ? right : 0));
}

/** The weight, or 0. */
// @ts-ignore: decorator
@inline
function part(weight: f64, counts: bool): f64 {
  return reinterpret<f64>(reinterpret<i64>(weight) & -(<i64>counts));
}

/** Without branches, which the border of an object would mislead; as `mixedLabel` of transform-labels.ts otherwise. */
function mixedLabel(
  label: i32,
  first: usize,
  up: usize,
  back: usize,
  right: usize,
  tz: f64,
  ty: f64,
  tx: f64,
  argmax: bool,
): i32 {
  const b = <i32>load<i16>(first + right);
  const c = <i32>load<i16>(first + back);
  const d = <i32>load<i16>(first + back + right);
  const e = <i32>load<i16>(first + up);
  const f = <i32>load<i16>(first + up + right);
  const g = <i32>load<i16>(first + up + back);
  const h = <i32>load<i16>(first + up + back + right);
  const sz = 1 - tz;
  const sy = 1 - ty;
  const sx = 1 - tx;
  const wa = sz * sy * sx;
  const wb = sz * sy * tx;
  const wc = sz * ty * sx;
  const wd = sz * ty * tx;
  const we = tz * sy * sx;
  const wf = tz * sy * tx;
  const wg = tz * ty * sx;
  const wh = tz * ty * tx;
  // The first that differs.
  let other = h;
  other = select<i32>(g, other, g !== label);
  other = select<i32>(f, other, f !== label);
  other = select<i32>(e, other, e !== label);
  other = select<i32>(d, other, d !== label);
  other = select<i32>(c, other, c !== label);
  other = select<i32>(b, other, b !== label);
  const third =
    (<i32>(b !== label) & <i32>(b !== other) & <i32>(wb > 0)) |
    (<i32>(c !== label) & <i32>(c !== other) & <i32>(wc > 0)) |
    (<i32>(d !== label) & <i32>(d !== other) & <i32>(wd > 0)) |
    (<i32>(e !== label) & <i32>(e !== other) & <i32>(we > 0)) |
    (<i32>(f !== label) & <i32>(f !== other) & <i32>(wf > 0)) |
    (<i32>(g !== label) & <i32>(g !== other) & <i32>(wg > 0)) |
    (<i32>(h !== label) & <i32>(h !== other) & <i32>(wh > 0));
  if (third) return oneOfMany(first, up, back, right, tz, ty, tx, argmax);
  if (other === label) return label;
  const mass =
    wa +
    part(wb, b === label) +
    part(wc, c === label) +
    part(wd, d === label) +
    part(we, e === label) +
    part(wf, f === label) +
    part(wg, g === label) +
    part(wh, h === label);
  const otherMass =
    part(wb, b === other) +
    part(wc, c === other) +
    part(wd, d === other) +
    part(we, e === other) +
    part(wf, f === other) +
    part(wg, g === other) +
    part(wh, h === other);
  if (mass === otherMass) return argmax ? min(label, other) : max(label, other);
  return mass > otherMass ? label : other;
}

const FOUND: usize = 128;
const MASSES: usize = 192;

function oneOfMany(
  first: usize,
  up: usize,
  back: usize,
  right: usize,
  tz: f64,
  ty: f64,
  tx: f64,
  argmax: bool,
): i32 {
  let count: usize = 0;
  for (let k = 0; k < 8; k++) {
    const weight = weightOf(k, tz, ty, tx);
    if (weight === 0) continue;
    const label = neighbour(first, k, up, back, right);
    let slot: usize = 0;
    while (slot < count && load<i32>(FOUND + (slot << 2)) !== label) slot++;
    if (slot === count) {
      store<i32>(FOUND + (slot << 2), label);
      store<f64>(MASSES + (slot << 3), 0);
      count++;
    }
    store<f64>(MASSES + (slot << 3), load<f64>(MASSES + (slot << 3)) + weight);
  }
  let best = 0;
  let bestMass: f64 = 0;
  for (let slot: usize = 0; slot < count; slot++) {
    const label = load<i32>(FOUND + (slot << 2));
    const mass = load<f64>(MASSES + (slot << 3));
    if (argmax) {
      if (mass < bestMass || (mass === bestMass && label > best)) continue;
    } else if (mass < 0.5 || (mass === bestMass && label < best)) continue;
    best = label;
    bestMass = mass;
  }
  return best;
}
