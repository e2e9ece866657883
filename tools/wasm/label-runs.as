// AssemblyScript. The SIMD twin of packages/kernels/src/label-runs.ts: runs of equal voxels are found sixteen bytes at a
// time, then united as there. Built by tools/wasm/build.mjs.
//
// Addresses are bytes. A run is four int32: first voxel, voxel after the last, parent, value.

const RUN: usize = 16;

/**
 * Finds the runs of plane z and unites them with each other and with those of plane z − 1.
 *
 * @param values - [height, width] of the plane, and 16 bytes more; `size` bytes each, 1 or 2
 * @param starts - first run of each row of the volume; those of this plane are written, and of the row after it
 * @param reach - 0: neighbours share a face; 1: also an edge or a corner
 * @returns runs so far
 */
export function addPlane(
  values: usize,
  size: usize,
  z: i32,
  height: i32,
  width: i32,
  starts: usize,
  runs: usize,
  reach: i32,
): i32 {
  const row0 = z * height;
  let n = load<i32>(starts + ((<usize>row0) << 2));
  for (let y = 0; y < height; y++) {
    const row = row0 + y;
    const from = values + <usize>(y * width) * size;
    const base = row * width;
    n = size === 1 ? runsOfBytes(from, width, base, runs, n) : runsOfWords(from, width, base, runs, n);
    store<i32>(starts + ((<usize>row) << 2), n, 4);
    if (y > 0) uniteRows(runs, starts, row, row - 1, width, reach);
    if (z === 0) continue;
    uniteRows(runs, starts, row, row - height, width, reach);
    if (reach === 0) continue;
    if (y > 0) uniteRows(runs, starts, row, row - height - 1, width, reach);
    if (y < height - 1) uniteRows(runs, starts, row, row - height + 1, width, reach);
  }
  return n;
}

function runsOfBytes(from: usize, width: i32, base: i32, runs: usize, n: i32): i32 {
  let before = i8x16.splat(0);
  let at = runs + (<usize>n) * RUN;
  let open = false;
  for (let x = 0; x < width; x += 16) {
    const v = v128.load(from + <usize>x);
    const shifted = v128.shuffle<u8>(before, v, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
    let changes = i8x16.bitmask(i8x16.ne(v, shifted));
    if (width - x < 16) changes &= (1 << (width - x)) - 1;
    before = v;
    while (changes !== 0) {
      const i = x + ctz(changes);
      changes &= changes - 1;
      const value = <i32>load<u8>(from + <usize>i);
      if (open) {
        store<i32>(at, base + i, 4);
        at += RUN;
      }
      open = value !== 0;
      if (open) {
        store<i32>(at, base + i);
        store<i32>(at, <i32>((at - runs) >> 4), 8);
        store<i32>(at, value, 12);
      }
    }
  }
  if (open) {
    store<i32>(at, base + width, 4);
    at += RUN;
  }
  return <i32>((at - runs) >> 4);
}

function runsOfWords(from: usize, width: i32, base: i32, runs: usize, n: i32): i32 {
  let before = i8x16.splat(0);
  let at = runs + (<usize>n) * RUN;
  let open = false;
  for (let x = 0; x < width; x += 8) {
    const v = v128.load(from + ((<usize>x) << 1));
    const shifted = v128.shuffle<u16>(before, v, 7, 8, 9, 10, 11, 12, 13, 14);
    let changes = i16x8.bitmask(i16x8.ne(v, shifted));
    if (width - x < 8) changes &= (1 << (width - x)) - 1;
    before = v;
    while (changes !== 0) {
      const i = x + ctz(changes);
      changes &= changes - 1;
      const value = <i32>load<u16>(from + ((<usize>i) << 1));
      if (open) {
        store<i32>(at, base + i, 4);
        at += RUN;
      }
      open = value !== 0;
      if (open) {
        store<i32>(at, base + i);
        store<i32>(at, <i32>((at - runs) >> 4), 8);
        store<i32>(at, value, 12);
      }
    }
  }
  if (open) {
    store<i32>(at, base + width, 4);
    at += RUN;
  }
  return <i32>((at - runs) >> 4);
}

function uniteRows(runs: usize, starts: usize, row: i32, other: i32, width: i32, reach: i32): void {
  const shift = (row - other) * width;
  let a = runs + (<usize>load<i32>(starts + ((<usize>row) << 2))) * RUN;
  let b = runs + (<usize>load<i32>(starts + ((<usize>other) << 2))) * RUN;
  const stopA = runs + (<usize>load<i32>(starts + ((<usize>row) << 2), 4)) * RUN;
  const stopB = runs + (<usize>load<i32>(starts + ((<usize>other) << 2), 4)) * RUN;
  while (a < stopA && b < stopB) {
    const endA = load<i32>(a, 4);
    const endB = load<i32>(b, 4) + shift;
    // Without branches where noise would mislead them.
    const touch = <i32>(load<i32>(a) < endB + reach) & <i32>(load<i32>(b) + shift < endA + reach);
    if (touch) unite(runs, a, b);
    // Runs that end together may each still touch, by a corner, the run that follows the other.
    if (reach === 1 && endA === endB && a + RUN < stopA && load<i32>(a, RUN) === endB) unite(runs, a + RUN, b);
    const next = <usize>(endA < endB) << 4;
    a += next;
    b += RUN - next;
  }
}

/** Unites two runs of one value; the smaller root stays one. */
// @ts-ignore: decorator
@inline
function unite(runs: usize, a: usize, b: usize): void {
  if (load<i32>(a, 12) !== load<i32>(b, 12)) return;
  if (load<i32>(a, 8) === load<i32>(b, 8)) return;
  const rootA = findRoot(runs, a);
  const rootB = findRoot(runs, b);
  if (rootA < rootB) store<i32>(rootB, <i32>((rootA - runs) >> 4), 8);
  else store<i32>(rootA, <i32>((rootB - runs) >> 4), 8);
}

function findRoot(runs: usize, run: usize): usize {
  let parent = runs + ((<usize>load<i32>(run, 8)) << 4);
  while (parent !== run) {
    const next = load<i32>(parent, 8);
    store<i32>(run, next, 8);
    run = runs + ((<usize>next) << 4);
    parent = runs + ((<usize>load<i32>(run, 8)) << 4);
  }
  return run;
}

/** Replaces the parent of each of `total` runs by its component, counted from 1 in the order of the first runs. */
export function numberRuns(runs: usize, total: i32): i32 {
  let count = 0;
  for (let r = 0; r < total; r++) {
    const at = runs + ((<usize>r) << 4);
    const parent = load<i32>(at, 8);
    // A parent comes before its child, and so has its component already.
    store<i32>(at, parent === r ? ++count : load<i32>(runs + ((<usize>parent) << 4), 8), 8);
  }
  return count;
}
