import { elementCount, roundHalfEven } from "@nnunet/core";

/**
 * Where the search for a patch begins.
 *
 * @param spacing - mm, [(z,) y, x]
 * @param medianShape - voxels, same axes
 */
export type InitialPatchRule = (spacing: readonly number[], medianShape: readonly number[]) => number[];

/** The median image itself (paper-era 2D planner). */
export const medianImagePatch: InitialPatchRule = (_spacing, medianShape) => [...medianShape];

/** A cube in millimetres whose coarsest axis has 512 voxels, cut to the median image (paper-era 3D planner). */
export const paperCubePatch: InitialPatchRule = (spacing, medianShape) => {
  const perMillimetre = spacing.map((s) => 1 / s);
  const mean = perMillimetre.reduce((sum, x) => sum + x, 0) / spacing.length;
  const normalized = perMillimetre.map((x) => x / mean);
  const factor = (1 / Math.min(...normalized)) * 512;
  return normalized.map((x, axis) => Math.min(roundHalfEven(x * factor), medianShape[axis]!));
};

/** A cube (square) in millimetres of a given number of voxels, cut to the median image (nnU-Net v2). */
export function cubeOfVoxels(voxels: number): InitialPatchRule {
  return (spacing, medianShape) => {
    const perMillimetre = spacing.map((s) => 1 / s);
    const factor = (voxels / elementCount(perMillimetre)) ** (1 / spacing.length);
    return perMillimetre.map((x, axis) => Math.min(roundHalfEven(x * factor), medianShape[axis]!));
  };
}
