import { createVolume, type Shape3, type Spacing, type Volume, type VoxelArray } from "@nnunet/core";

/** How a scanner stores its axes: which array axis comes where, and which are stored backwards. */
export interface StoredOrientation {
  /** New axis k holds the old axis `axes[k]`. */
  readonly axes: readonly [number, number, number];
  /** Per new axis. */
  readonly reversed: readonly [boolean, boolean, boolean];
}

/**
 * The same image with its voxels stored in another order; direction and origin change so that every voxel stays at its
 * place in space.
 *
 * @param volume - one channel, with the identity as its direction
 */
export function storeOriented<T extends VoxelArray>(
  volume: Volume<T>,
  { axes, reversed }: StoredOrientation,
): Volume<T> {
  const [, ...shape] = volume.shape;
  const { spacing, origin } = volume.geometry;
  const newShape = axes.map((axis) => shape[axis]!) as unknown as Shape3;
  const strides = [shape[1]! * shape[2]!, shape[2]!, 1];
  const data = volume.data.slice() as T;
  let i = 0;
  for (let a = 0; a < newShape[0]; a++) {
    for (let b = 0; b < newShape[1]; b++) {
      for (let c = 0; c < newShape[2]; c++) {
        const at = [a, b, c].map((value, k) => (reversed[k] ? newShape[k]! - 1 - value : value));
        data[i++] = volume.data[at[0]! * strides[axes[0]]! + at[1]! * strides[axes[1]]! + at[2]! * strides[axes[2]]!]!;
      }
    }
  }
  const direction = new Array<number>(9).fill(0);
  const newOrigin = [...origin];
  for (let k = 0; k < 3; k++) {
    const axis = axes[k]!; // physical x, y, z are the array axes 2, 1, 0
    direction[(2 - axis) * 3 + (2 - k)] = reversed[k] ? -1 : 1;
    if (reversed[k]) newOrigin[2 - axis]! += (shape[axis]! - 1) * spacing[axis]!;
  }
  return createVolume(data, [1, ...newShape], {
    spacing: axes.map((axis) => spacing[axis]!) as unknown as Spacing,
    origin: newOrigin as unknown as readonly [number, number, number],
    direction,
  });
}
