import { elementCount, type LabelSet, roundHalfEven, type Shape3 } from "@nnunet/core";
import type { SimdOption } from "./intensity.ts";
import { nearestIndices } from "./nearest-indices.ts";
import { widenLabels } from "./voxel-simd.ts";

/** Shape of a label map at a fraction of the resolution: `rne(size · scale)` per axis (docs/method.md §4.3, step 13). */
export function scaledShape(shape: readonly number[], scale: readonly number[]): number[] {
  return shape.map((n, axis) => Math.max(1, roundHalfEven(n * scale[axis]!)));
}

/**
 * The label map of one patch as the loss wants it, at one resolution, written into a batch.
 *
 * Nearest-neighbour sampling. Voxels outside the body (−1) become background. Ordinary labels give one channel of
 * ids; regions give one channel of 0/1 each, in which ignored voxels hold the ignore label's id.
 *
 * @param seg - [z, y, x] of `shape`
 * @param target - size of this output, [z, y, x]
 * @param out - `[regions or 1, ...target]` written from `offset` on
 */
export function writeTarget(
  seg: Int16Array,
  shape: Shape3,
  target: Shape3,
  labels: Pick<LabelSet, "regions" | "ignoreLabel">,
  out: Int32Array,
  offset: number,
  { simd = true }: SimdOption = {},
): void {
  const voxels = elementCount(target);
  if (labels.regions === undefined && target.every((n, axis) => n === shape[axis])) {
    if (!(simd && widenLabels(seg, out, offset))) {
      for (let i = 0; i < voxels; i++) out[offset + i] = orBackground(seg[i]!);
    }
    return;
  }
  const [, ny, nx] = shape;
  const [tz, ty, tx] = target;
  const [planes, rows, columns] = [0, 1, 2].map((axis) => nearestIndices(shape[axis]!, target[axis]!)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  const { ignoreLabel } = labels;
  const regions = labels.regions?.map((region) => {
    const values = new Int32Array(1 + Math.max(ignoreLabel ?? 0, ...region));
    for (const label of region) values[label] = 1;
    if (ignoreLabel !== undefined) values[ignoreLabel] = ignoreLabel;
    return values;
  });
  let to = offset;
  for (let z = 0; z < tz; z++) {
    for (let y = 0; y < ty; y++) {
      const from = (planes[z]! * ny + rows[y]!) * nx;
      for (let x = 0; x < tx; x++, to++) {
        const label = orBackground(seg[from + columns[x]!]!);
        if (regions === undefined) out[to] = label;
        else for (let r = 0; r < regions.length; r++) out[to + r * voxels] = regions[r]![label] ?? 0;
      }
    }
  }
}

/** `Math.max(0, label)` without a branch, which the outline of a body would mislead. */
const orBackground = (label: number) => label & ~(label >> 31);
