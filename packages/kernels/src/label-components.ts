import { elementCount, InvalidArgumentError, type Shape3, ShapeMismatchError, type VoxelArray } from "@nnunet/core";
import { fillRun, labelRuns } from "./label-runs.ts";
import { labelRunsInSimd } from "./label-simd.ts";
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
 * @param options.simd - false: keep to the TypeScript loops where WebAssembly would run (integers of one or two bytes).
 *   The numbers are the same
 * @throws {ShapeMismatchError} if `values` does not have as many elements as `shape` promises
 * @throws {InvalidArgumentError} if the shape or the connectivity is outside its domain
 * @example labelComponents(Uint8Array.of(1, 1, 0, 1, 2), [1, 1, 5], "face").sizes; // [1, 2, 1, 1]
 */
export function labelComponents(
  values: VoxelArray,
  shape: Shape3,
  connectivity: Connectivity,
  { simd = true }: { readonly simd?: boolean } = {},
): Components {
  checkShape("shape", shape);
  if (values.length !== elementCount(shape))
    throw new ShapeMismatchError("values", [elementCount(shape)], [values.length]);
  if (connectivity !== "face" && connectivity !== "full") {
    throw new InvalidArgumentError("connectivity", '"face" or "full"', connectivity);
  }
  const reach = connectivity === "full" ? 1 : 0;
  const { table, count } = (simd && labelRunsInSimd(values, shape, reach)) || labelRuns(values, shape, reach);

  const labels = new Int32Array(values.length);
  const sizes = new Int32Array(count + 1);
  const valueOfComponent = new Int32Array(count + 1);
  let covered = 0;
  for (let at = 0; at < table.length; at += 4) {
    const from = table[at]!;
    const stop = table[at + 1]!;
    const id = table[at + 2]!;
    fillRun(labels, id, from, stop);
    sizes[id]! += stop - from;
    valueOfComponent[id] = values[from]!;
    covered += stop - from;
  }
  sizes[0] = values.length - covered;
  return { labels, count, sizes, values: valueOfComponent };
}
