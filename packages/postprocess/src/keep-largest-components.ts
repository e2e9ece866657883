import { InvalidArgumentError, type Shape3 } from "@nnunet/core";
import { type Connectivity, labelComponents } from "@nnunet/kernels";

/** Labels treated as one object: `[1, 2]` keeps the largest component of 1 and 2 together. */
export type LabelGroup = readonly number[];

/**
 * Keeps, of each group of labels, the largest connected component; the voxels of its other components become
 * background. Components of equal largest size are all kept. Groups are applied in the order given.
 *
 * @param segmentation - label ids, [z, y, x]; left alone
 * @param shape - [z, y, x]
 * @param groups - `[[1], [2]]` for two labels by themselves, `[[1, 2]]` for both as one object
 * @param options.connectivity - "face" (6 neighbours, the paper's code) by default, or "full" (26, nnU-Net v2)
 * @returns a new array
 * @throws {InvalidArgumentError} if a group is empty or holds the background
 * @throws {ShapeMismatchError} if the segmentation has not the voxels of `shape`
 * @example keepLargestComponents(Int16Array.of(1, 0, 1, 1), [1, 1, 4], [[1]]); // Int16Array [0, 0, 1, 1]
 * @see paper, Methods "Empirical parameters"; docs/method.md §8
 */
export function keepLargestComponents(
  segmentation: Int16Array,
  shape: Shape3,
  groups: readonly LabelGroup[],
  { connectivity = "face" }: { readonly connectivity?: Connectivity } = {},
): Int16Array {
  for (const group of groups) {
    if (!(group.length > 0 && group.every((id) => Number.isInteger(id) && id > 0))) {
      throw new InvalidArgumentError("groups", "lists of foreground label ids", group);
    }
  }
  const out = segmentation.slice();
  for (const disjoint of batches(groups)) keepLargestOf(out, shape, disjoint, connectivity);
  return out;
}

/** Groups that share no label do not see each other, so one pass over the voxels serves them all. */
function batches(groups: readonly LabelGroup[]): LabelGroup[][] {
  const result: LabelGroup[][] = [];
  let taken = new Set<number>();
  for (const group of groups) {
    if (result.length === 0 || group.some((id) => taken.has(id))) {
      result.push([]);
      taken = new Set();
    }
    result.at(-1)!.push(group);
    for (const id of group) taken.add(id);
  }
  return result;
}

function keepLargestOf(
  segmentation: Int16Array,
  shape: Shape3,
  groups: readonly LabelGroup[],
  connectivity: Connectivity,
): void {
  const groupOf = new Uint16Array(65536); // by label id as uint16: 0, or 1 + index of its group
  for (const [index, group] of groups.entries()) for (const id of group) groupOf[id & 0xffff] = index + 1;
  const grouped = Uint16Array.from(segmentation, (id) => groupOf[id & 0xffff]!);
  const { labels, sizes, values, count } = labelComponents(grouped, shape, connectivity);
  const largest = new Int32Array(groups.length + 1);
  for (let c = 1; c <= count; c++) largest[values[c]!] = Math.max(largest[values[c]!]!, sizes[c]!);
  const removed = Uint8Array.from(sizes, (size, c) => (c > 0 && size < largest[values[c]!]! ? 1 : 0));
  for (let i = 0; i < segmentation.length; i++) if (removed[labels[i]!]) segmentation[i] = 0;
}
