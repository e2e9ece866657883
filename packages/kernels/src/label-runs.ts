import type { Shape3, VoxelArray } from "@nnunet/core";

/** Maximal stretches of one nonzero value within a row, each with the component that it belongs to. */
export interface LabelledRuns {
  /** Four numbers a run: flat index of the first voxel, that after the last, component from 1, and one unused. */
  readonly table: Int32Array;
  /** Components. */
  readonly count: number;
}

/**
 * The runs of a volume, united where they touch (union-find), in the order of their voxels; components are numbered
 * in the order of their first voxels.
 *
 * @param reach - 0: neighbours share a face; 1: also an edge or a corner
 */
export function labelRuns(values: VoxelArray, [depth, height, width]: Shape3, reach: 0 | 1): LabelledRuns {
  const { table, rowStart } = findRuns(values, depth * height, width);
  // Rows already seen that a row touches: (z, y − 1) and (z − 1, y); with reach also (z − 1, y ± 1).
  for (let z = 0, row = 0; z < depth; z++) {
    for (let y = 0; y < height; y++, row++) {
      if (y > 0) uniteRows(values, table, rowStart, row, row - 1, width, reach);
      if (z === 0) continue;
      uniteRows(values, table, rowStart, row, row - height, width, reach);
      if (reach === 0) continue;
      if (y > 0) uniteRows(values, table, rowStart, row, row - height - 1, width, reach);
      if (y < height - 1) uniteRows(values, table, rowStart, row, row - height + 1, width, reach);
    }
  }
  let count = 0;
  for (let at = PARENT; at < table.length; at += RUN) {
    const parent = RUN * table[at]! + PARENT;
    // A parent comes before its child, and so has its component already.
    table[at] = parent === at ? ++count : table[parent]!;
  }
  return { table, count };
}

const RUN = 4;
const END = 1;
const PARENT = 2;

function findRuns(values: VoxelArray, rows: number, width: number) {
  const rowStart = new Int32Array(rows + 1);
  let table = new Int32Array(RUN * (4 * rows + width));
  let n = 0;
  for (let row = 0, i = 0; row < rows; row++) {
    if (RUN * (n + width) > table.length) {
      const larger = new Int32Array(Math.max(RUN * (n + width), 2 * table.length));
      larger.set(table);
      table = larger;
    }
    for (const stop = i + width; i < stop; ) {
      const v = values[i]!;
      if (v === 0) {
        i++;
        continue;
      }
      const at = RUN * n;
      table[at] = i++;
      while (i < stop && values[i] === v) i++;
      table[at + END] = i;
      table[at + PARENT] = n++;
    }
    rowStart[row + 1] = n;
  }
  return { table: table.subarray(0, RUN * n), rowStart };
}

/** Unites the runs of `row` with those of the same value in `other` that lie within `reach` of them along x. */
function uniteRows(
  values: VoxelArray,
  table: Int32Array,
  rowStart: Int32Array,
  row: number,
  other: number,
  width: number,
  reach: number,
): void {
  const shift = (row - other) * width;
  const stopA = RUN * rowStart[row + 1]!;
  const stopB = RUN * rowStart[other + 1]!;
  let a = RUN * rowStart[row]!;
  let b = RUN * rowStart[other]!;
  while (a < stopA && b < stopB) {
    const endB = table[b + END]! + shift;
    const endA = table[a + END]!;
    if (table[a]! < endB + reach && table[b]! + shift < endA + reach) uniteEqual(values, table, a, b);
    // Runs that end together may each still touch, by a corner, the run that follows the other.
    if (endA === endB && reach === 1 && a + RUN < stopA && table[a + RUN] === endB) {
      uniteEqual(values, table, a + RUN, b);
    }
    if (endA < endB) a += RUN;
    else b += RUN;
  }
}

/** The smaller root stays one. */
function uniteEqual(values: VoxelArray, table: Int32Array, a: number, b: number): void {
  if (values[table[a]!] !== values[table[b]!]) return;
  const rootA = findRoot(table, a);
  const rootB = findRoot(table, b);
  if (rootA < rootB) table[rootB + PARENT] = rootA / RUN;
  else table[rootA + PARENT] = rootB / RUN;
}

function findRoot(table: Int32Array, at: number): number {
  let parent = RUN * table[at + PARENT]!;
  while (parent !== at) {
    table[at + PARENT] = table[parent + PARENT]!;
    at = RUN * table[at + PARENT]!;
    parent = RUN * table[at + PARENT]!;
  }
  return at;
}

/** A run shorter than this is written faster by a loop than by `fill`. */
const LONG_RUN = 48;

/** `out[first … end) = value`, quick for the short runs of noise too. */
export function fillRun(out: Int32Array | Uint8Array, value: number, first: number, end: number): void {
  if (end - first > LONG_RUN) out.fill(value, first, end);
  else for (let i = first; i < end; i++) out[i] = value;
}
