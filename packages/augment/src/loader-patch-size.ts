import { InvalidArgumentError } from "@nnunet/core";

/** The largest rotation in degrees about any axis for patches of a configuration (paper, Supplement D). */
export function maximumRotation(patchSize: readonly number[], dummy2d: boolean): number {
  if (patchSize.length === 2) return Math.max(...patchSize) / Math.min(...patchSize) > 1.5 ? 15 : 180;
  return dummy2d ? 180 : 30;
}

/**
 * How much is read around a patch, so that rotating and scaling it brings in few voxels from outside.
 *
 * The patch's corner is rotated by the largest angle (at most 90°) about each axis in turn; the largest coordinates
 * are divided by 0.85 and truncated. With `dummy2d` this concerns y and x alone.
 *
 * @param patchSize - network patch, [(z,) y, x] voxels
 * @param rotation - largest rotation, degrees
 * @returns the size to read, same axes as `patchSize`
 * @throws {InvalidArgumentError} if `patchSize` is not two or three positive integers
 * @example loaderPatchSize([128, 128, 128], 30); // [205, 205, 205]
 * @see docs/method.md §4.1
 */
export function loaderPatchSize(patchSize: readonly number[], rotation: number, dummy2d = false): number[] {
  if (!(patchSize.length === 2 || patchSize.length === 3) || !patchSize.every((n) => Number.isInteger(n) && n > 0)) {
    throw new InvalidArgumentError("patchSize", "two or three positive integers [(z,) y, x]", patchSize);
  }
  if (dummy2d && patchSize.length === 3) return [patchSize[0]!, ...loaderPatchSize(patchSize.slice(1), rotation)];
  const angle = (Math.min(90, Math.abs(rotation)) * Math.PI) / 180;
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  // Each pair of axes (i, j) is turned once; the third axis keeps its length.
  const largest = [...patchSize];
  for (let i = 0; i < patchSize.length; i++) {
    for (let j = i + 1; j < patchSize.length; j++) {
      const p = patchSize[i]!;
      const q = patchSize[j]!;
      // About y (axes 0 and 2 of three) the reference's matrix turns the other way round.
      const sign = i === 0 && j === 2 ? -1 : 1;
      largest[i] = Math.max(largest[i]!, Math.abs(c * p + sign * s * q));
      largest[j] = Math.max(largest[j]!, Math.abs(c * q - sign * s * p));
    }
  }
  return largest.map((n) => Math.trunc(n / 0.85));
}
