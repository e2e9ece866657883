import type { Shape3 } from "@nnunet/core";
import { axisImportance } from "./gaussian-importance.ts";
import { patchStarts } from "./patch-starts.ts";

/** The patches along one axis. */
export interface AxisWindows {
  /** First voxel of each patch in the image; below 0 where the image is smaller than the patch and is padded. */
  readonly starts: readonly number[];
  /** Per patch and voxel of the patch: its share of the result. Over all patches a voxel's shares sum to 1. */
  readonly shares: readonly Float64Array[];
}

/**
 * Lays patches along one axis and says what each contributes to every voxel.
 *
 * The patches of an image form a grid and the Gaussian is a product of its axes, so the sum of the weights at a voxel is
 * a product of three sums too. Dividing by it per axis, beforehand, replaces the weight volume and the final division:
 * whatever is added with these shares is already the weighted mean.
 *
 * @param imageLength - voxels; an image shorter than the patch is padded on both sides, below with half (rounded down)
 * @param patchLength - voxels
 * @param stepFraction - see {@link patchStarts}
 * @param gaussian - weight by the Gaussian; otherwise patches count the same everywhere
 * @see docs/method.md §7
 */
export function axisWindows(
  imageLength: number,
  patchLength: number,
  stepFraction: number,
  gaussian: boolean,
): AxisWindows {
  const { paddedLength, padBelow, starts } = paddedStarts(imageLength, patchLength, stepFraction);
  const importance = gaussian ? axisImportance(patchLength) : new Float64Array(patchLength).fill(1);
  const total = new Float64Array(paddedLength);
  for (const start of starts) for (let i = 0; i < patchLength; i++) total[start + i]! += importance[i]!;
  return {
    starts: starts.map((start) => start - padBelow),
    shares: starts.map((start) => importance.map((weight, i) => weight / total[start + i]!)),
  };
}

/** The `starts` of {@link axisWindows} alone, the first `most` of them. */
export function axisStarts(imageLength: number, patchLength: number, stepFraction: number, most: number): number[] {
  const { padBelow, starts } = paddedStarts(imageLength, patchLength, stepFraction, most);
  return starts.map((start) => start - padBelow);
}

function paddedStarts(imageLength: number, patchLength: number, stepFraction: number, most?: number) {
  const paddedLength = Math.max(imageLength, patchLength);
  const padBelow = Math.floor((paddedLength - imageLength) / 2);
  return { paddedLength, padBelow, starts: patchStarts(paddedLength, patchLength, stepFraction, most) };
}

/** One position of the sliding window. */
export interface Patch {
  readonly start: Shape3;
  readonly shares: readonly [z: Float64Array, y: Float64Array, x: Float64Array];
}

/** The patches along [z, y, x]. */
export function windowsOf(size: Shape3, patchSize: Shape3, stepFraction: number, gaussian: boolean): AxisWindows[] {
  return size.map((n, axis) => axisWindows(n, patchSize[axis]!, stepFraction, gaussian));
}

/** All patches of an image, in the order z, y, x. */
export function layPatches([z, y, x]: readonly AxisWindows[]): Patch[] {
  const patches: Patch[] = [];
  for (let k = 0; k < z!.starts.length; k++) {
    for (let j = 0; j < y!.starts.length; j++) {
      for (let i = 0; i < x!.starts.length; i++) {
        patches.push({
          start: [z!.starts[k]!, y!.starts[j]!, x!.starts[i]!],
          shares: [z!.shares[k]!, y!.shares[j]!, x!.shares[i]!],
        });
      }
    }
  }
  return patches;
}
