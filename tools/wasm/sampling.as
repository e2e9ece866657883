// AssemblyScript. The SIMD twins of packages/augment/src/transform-image.ts (linear) and transform-labels.ts: the same
// operations on float64 in the same order, so that the results are equal bit by bit. Built by tools/wasm/build.mjs.
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

/** src [nz, ny, nx] float32 → dst [tz, ty, tx] float32. */
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
): void {
  const plane = ny * nx;
  const dz = entry(matrix, 2);
  const dy = entry(matrix, 5);
  const dx = entry(matrix, 8);
  const row = (<usize>nx) << 2;
  const px = -(<f64>(targetX - 1)) / 2;
  let to = dst;
  for (let k = 0; k < targetZ; k++) {
    const pz = <f64>k - <f64>(targetZ - 1) / 2;
    for (let j = 0; j < targetY; j++) {
      const py = <f64>j - <f64>(targetY - 1) / 2;
      const z0 = entry(matrix, 0) * pz + entry(matrix, 1) * py + entry(matrix, 2) * px + entry(matrix, 9);
      const y0 = entry(matrix, 3) * pz + entry(matrix, 4) * py + entry(matrix, 5) * px + entry(matrix, 10);
      const x0 = entry(matrix, 6) * pz + entry(matrix, 7) * py + entry(matrix, 8) * px + entry(matrix, 11);
      for (let i = 0; i < targetX; i++, to += 4) {
        const z = z0 + <f64>i * dz;
        const y = y0 + <f64>i * dy;
        const x = x0 + <f64>i * dx;
        if (z >= 0 && y >= 0 && x >= 0 && z <= <f64>(nz - 1) && y < <f64>(ny - 1) && x < <f64>(nx - 1)) {
          const iz = <i32>z;
          const iy = <i32>y;
          const ix = <i32>x;
          const tz = z - <f64>iz;
          // A slice turned in its plane has none above it.
          const up = select<usize>(0, (<usize>plane) << 2, tz === 0);
          const p = src + ((<usize>(iz * plane + iy * nx + ix)) << 2);
          const t = f64x2.splat(tz);
          const near = mix(pair(p), pair(p + up), t);
          const far = mix(pair(p + row), pair(p + row + up), t);
          const m = mix(near, far, f64x2.splat(y - <f64>iy));
          const left = f64x2.extract_lane(m, 0);
          store<f32>(to, <f32>(left + (x - <f64>ix) * (f64x2.extract_lane(m, 1) - left)));
        } else store<f32>(to, edge(src, nz, ny, nx, z, y, x));
      }
    }
  }
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

/** src [nz, ny, nx] int16, and two bytes more → dst [tz, ty, tx] int16. */
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
  argmax: bool,
  outside: i32,
): void {
  const plane = ny * nx;
  const dz = entry(matrix, 2);
  const dy = entry(matrix, 5);
  const dx = entry(matrix, 8);
  const px = -(<f64>(targetX - 1)) / 2;
  let to = dst;
  for (let k = 0; k < targetZ; k++) {
    const pz = <f64>k - <f64>(targetZ - 1) / 2;
    for (let j = 0; j < targetY; j++) {
      const py = <f64>j - <f64>(targetY - 1) / 2;
      const z0 = entry(matrix, 0) * pz + entry(matrix, 1) * py + entry(matrix, 2) * px + entry(matrix, 9);
      const y0 = entry(matrix, 3) * pz + entry(matrix, 4) * py + entry(matrix, 5) * px + entry(matrix, 10);
      const x0 = entry(matrix, 6) * pz + entry(matrix, 7) * py + entry(matrix, 8) * px + entry(matrix, 11);
      for (let i = 0; i < targetX; i++, to += 2) {
        const z = z0 + <f64>i * dz;
        const y = y0 + <f64>i * dy;
        const x = x0 + <f64>i * dx;
        if (!(z >= 0 && y >= 0 && x >= 0 && z <= <f64>(nz - 1) && y <= <f64>(ny - 1) && x <= <f64>(nx - 1))) {
          store<i16>(to, <i16>outside);
          continue;
        }
        const iz = <i32>z;
        const iy = <i32>y;
        const ix = <i32>x;
        const tz = z - <f64>iz;
        const ty = y - <f64>iy;
        const tx = x - <f64>ix;
        const p = src + ((<usize>(iz * plane + iy * nx + ix)) << 1);
        // Inside the outermost centres there is a next voxel unless the point lies on this one.
        const up = select<usize>((<usize>plane) << 1, 0, tz > 0);
        const back = select<usize>((<usize>nx) << 1, 0, ty > 0);
        const label = <i32>load<i16>(p);
        // Two neighbours along x at once; where the point lies on a voxel the next may be another row's.
        const two = load<i32>(p);
        const same = (two ^ load<i32>(p + up)) | (two ^ load<i32>(p + back)) | (two ^ load<i32>(p + up + back));
        if ((same | (two ^ rotl(two, 16))) === 0) store<i16>(to, <i16>label);
        else {
          const right: usize = tx > 0 ? 2 : 0;
          store<i16>(to, <i16>mixedLabel(label, p, up, back, right, tz, ty, tx, argmax));
        }
      }
    }
  }
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
  let mass: f64 = 0;
  let other = label;
  let otherMass: f64 = 0;
  for (let k = 0; k < 8; k++) {
    const weight = weightOf(k, tz, ty, tx);
    const here = neighbour(first, k, up, back, right);
    if (here === label) mass += weight;
    else if (other === label || here === other) {
      other = here;
      otherMass += weight;
    } else if (weight > 0) return oneOfMany(first, up, back, right, tz, ty, tx, argmax);
  }
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
