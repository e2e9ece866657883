import { elementCount, InvalidArgumentError, type Shape3, ShapeMismatchError, type VoxelArray } from "@nnunet/core";
import { checkShape } from "./resample-image.ts";

/** "face": voxels that share a face (6 neighbours). "full": also an edge or a corner (26). */
export type Connectivity = "face" | "full";

export interface Components {
  /** [z, y, x]: 0 for background, else the component, 1 … count, in the order of their first voxels. */
  readonly labels: Int32Array;
  readonly count: number;
  /** Voxels of each component; index 0 is the background. */
  readonly sizes: Int32Array;
  /** Value of the input in each component; index 0 is 0. */
  readonly values: Int32Array;
}

/**
 * Connected components of all labels in one pass: neighbouring voxels of the same nonzero value belong together.
 *
 * A mask of 0 and 1 gives the components of the mask. Rows are cut into runs of one value, runs that touch in
 * neighbouring rows are united (union-find), so the work is linear in voxels and runs, however many labels there are.
 *
 * @param values - [z, y, x], integers; 0 is background
 * @param shape - of `values`; a 2D image has z = 1
 * @throws {ShapeMismatchError} if `values` does not have as many elements as `shape` promises
 * @throws {InvalidArgumentError} if the shape or the connectivity is outside its domain
 * @example labelComponents(Uint8Array.of(1, 1, 0, 1, 2), [1, 1, 5], "face").sizes; // [1, 2, 1, 1]
 */
export function labelComponents(values: VoxelArray, shape: Shape3, connectivity: Connectivity): Components {
  checkShape("shape", shape);
  if (values.length !== elementCount(shape))
    throw new ShapeMismatchError("values", [elementCount(shape)], [values.length]);
  if (connectivity !== "face" && connectivity !== "full") {
    throw new InvalidArgumentError("connectivity", '"face" or "full"', connectivity);
  }
  const [depth, height, width] = shape;
  const runs = findRuns(values, depth * height, width);
  const { first, end, rowStart } = runs;
  const parent = new Int32Array(first.length);
  for (let r = 0; r < parent.length; r++) parent[r] = r;

  // Rows already seen that a row touches: (z, y − 1) and (z − 1, y); "full" adds (z − 1, y ± 1) and one voxel of reach.
  const reach = connectivity === "full" ? 1 : 0;
  for (let z = 0, row = 0; z < depth; z++) {
    for (let y = 0; y < height; y++, row++) {
      if (y > 0) uniteRows(values, runs, parent, row, row - 1, width, reach);
      if (z === 0) continue;
      uniteRows(values, runs, parent, row, row - height, width, reach);
      if (reach === 0) continue;
      if (y > 0) uniteRows(values, runs, parent, row, row - height - 1, width, reach);
      if (y < height - 1) uniteRows(values, runs, parent, row, row - height + 1, width, reach);
    }
  }

  // The smallest run of a component is its root, so numbers follow first voxels.
  const total = rowStart[depth * height]!;
  const component = new Int32Array(total);
  let count = 0;
  for (let r = 0; r < total; r++) {
    const root = findRoot(parent, r);
    component[r] = root === r ? ++count : component[root]!;
  }
  const labels = new Int32Array(values.length);
  const sizes = new Int32Array(count + 1);
  const valueOfComponent = new Int32Array(count + 1);
  let covered = 0;
  for (let r = 0; r < total; r++) {
    const id = component[r]!;
    const from = first[r]!;
    const stop = end[r]!;
    for (let i = from; i < stop; i++) labels[i] = id;
    sizes[id]! += stop - from;
    valueOfComponent[id] = values[from]!;
    covered += stop - from;
  }
  sizes[0] = values.length - covered;
  return { labels, count, sizes, values: valueOfComponent };
}

/** Maximal stretches of one nonzero value within a row. */
interface Runs {
  /** Flat index of the first voxel. */
  readonly first: Int32Array;
  /** Flat index after the last voxel. */
  readonly end: Int32Array;
  /** First run of each row; one entry more at the end. */
  readonly rowStart: Int32Array;
}

function findRuns(values: VoxelArray, rows: number, width: number): Runs {
  const rowStart = new Int32Array(rows + 1);
  let first = new Int32Array(4 * rows + width);
  let end = new Int32Array(first.length);
  let n = 0;
  for (let row = 0, i = 0; row < rows; row++) {
    if (n + width > first.length) {
      first = enlarged(first, n + width);
      end = enlarged(end, n + width);
    }
    for (const stop = i + width; i < stop; ) {
      const v = values[i]!;
      if (v === 0) {
        i++;
        continue;
      }
      first[n] = i++;
      while (i < stop && values[i] === v) i++;
      end[n++] = i;
    }
    rowStart[row + 1] = n;
  }
  return { first: first.subarray(0, n), end: end.subarray(0, n), rowStart };
}

function enlarged(array: Int32Array, needed: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(needed, 2 * array.length));
  larger.set(array);
  return larger;
}

/** Unites the runs of `row` with those of the same value in `other` that lie within `reach` of them along x. */
function uniteRows(
  values: VoxelArray,
  { first, end, rowStart }: Runs,
  parent: Int32Array,
  row: number,
  other: number,
  width: number,
  reach: number,
): void {
  const shift = (row - other) * width;
  const stopA = rowStart[row + 1]!;
  const stopB = rowStart[other + 1]!;
  let a = rowStart[row]!;
  let b = rowStart[other]!;
  while (a < stopA && b < stopB) {
    const firstB = first[b]! + shift;
    const endB = end[b]! + shift;
    const endA = end[a]!;
    if (first[a]! < endB + reach && firstB < endA + reach) uniteEqual(values, first, parent, a, b);
    // Runs that end together may each still touch, by a corner, the run that follows the other.
    if (endA === endB && reach === 1 && a + 1 < stopA && first[a + 1] === endB) {
      uniteEqual(values, first, parent, a + 1, b);
    }
    if (endA < endB) a++;
    else b++;
  }
}

function uniteEqual(values: VoxelArray, first: Int32Array, parent: Int32Array, a: number, b: number): void {
  if (values[first[a]!] === values[first[b]!]) unite(parent, a, b);
}

function unite(parent: Int32Array, a: number, b: number): void {
  const rootA = findRoot(parent, a);
  const rootB = findRoot(parent, b);
  if (rootA < rootB) parent[rootB] = rootA;
  else parent[rootA] = rootB;
}

function findRoot(parent: Int32Array, i: number): number {
  while (parent[i] !== i) {
    parent[i] = parent[parent[i]!]!;
    i = parent[i]!;
  }
  return i;
}
