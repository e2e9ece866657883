import type { RandomGenerator, Shape3 } from "@nnunet/core";
import { labelComponents } from "@nnunet/kernels";

/**
 * The connected components (sharing a face, edge or corner) of a mask that have fewer than `limit` voxels.
 *
 * @param mask - [z, y, x] of `shape`, 0 or 1
 * @returns the component number of each voxel, and the numbers of the small ones
 */
export function smallComponents(
  mask: Uint8Array,
  shape: Shape3,
  limit: number,
): { components: Int32Array; small: number[] } {
  const { labels, count, sizes } = labelComponents(mask, shape, "full");
  const small: number[] = [];
  for (let id = 1; id <= count; id++) if (sizes[id]! < limit) small.push(id);
  return { components: labels, small };
}

/**
 * Deletes one random small component of a mask, in place; nothing if there is none.
 *
 * @param maximumFraction - only components below this fraction of the patch's voxels are candidates
 * @returns how many voxels were deleted
 * @see paper, Supplement D (cascade, 2); docs/method.md §4.3
 */
export function removeRandomComponent(
  mask: Uint8Array,
  shape: Shape3,
  maximumFraction: number,
  random: RandomGenerator,
): number {
  const { components, small } = smallComponents(mask, shape, maximumFraction * mask.length);
  if (small.length === 0) return 0;
  const removed = small[random.integer(0, small.length)]!;
  let voxels = 0;
  for (let i = 0; i < mask.length; i++) {
    if (components[i] !== removed) continue;
    mask[i] = 0;
    voxels++;
  }
  return voxels;
}

/**
 * Deletes every small component of a mask, in place. Parameters as of {@link removeRandomComponent}.
 *
 * @returns how many voxels were deleted
 * @example removeSmallComponents(Uint8Array.of(1, 0, 1, 1, 1), [1, 1, 5], 0.5); // 1; the mask is then [0, 0, 1, 1, 1]
 */
export function removeSmallComponents(mask: Uint8Array, shape: Shape3, maximumFraction: number): number {
  const { components, small } = smallComponents(mask, shape, maximumFraction * mask.length);
  if (small.length === 0) return 0;
  const isSmall = new Set(small);
  let voxels = 0;
  for (let i = 0; i < mask.length; i++) {
    if (!isSmall.has(components[i]!)) continue;
    mask[i] = 0;
    voxels++;
  }
  return voxels;
}
