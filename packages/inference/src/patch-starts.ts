import { InvalidArgumentError, roundHalfEven } from "@nnunet/core";

/**
 * First voxel of every patch along one axis, so that the patches cover the axis evenly.
 *
 * The stride is at most `patchLength * stepFraction`; it is narrowed so that the last patch ends exactly on the last
 * voxel.
 *
 * @param imageLength - voxels along the axis, already padded to at least `patchLength`
 * @param patchLength - voxels along the axis of one patch
 * @param stepFraction - stride as a fraction of the patch, in (0, 1]; nnU-Net uses 0.5
 * @param most - only so many, the first ones; all by default
 * @returns ascending voxel indices; the first is 0, the last is `imageLength - patchLength`
 * @throws {InvalidArgumentError} if the image is smaller than the patch, the patch is not a positive integer, or the
 *   fraction is outside (0, 1]
 * @example patchStarts(110, 64, 0.5); // [0, 23, 46]
 * @see docs/method.md §0 item 15; paper, Supplement B.1 "Inference": adjacent patches overlap by half
 */
export function patchStarts(imageLength: number, patchLength: number, stepFraction = 0.5, most = Infinity): number[] {
  // written so that NaN fails too
  if (!(stepFraction > 0 && stepFraction <= 1)) {
    throw new InvalidArgumentError("stepFraction", "a number in (0, 1]", stepFraction);
  }
  if (!(Number.isInteger(patchLength) && patchLength > 0)) {
    throw new InvalidArgumentError("patchLength", "a positive integer", patchLength);
  }
  if (!(imageLength >= patchLength)) {
    throw new InvalidArgumentError(
      "imageLength",
      `at least patchLength (${patchLength}); pad the image first`,
      imageLength,
    );
  }
  const lastStart = imageLength - patchLength;
  const count = patchCount(imageLength, patchLength, stepFraction);
  if (count === 1) return [0];
  const stride = lastStart / (count - 1);
  return Array.from({ length: Math.min(count, most) }, (_, i) => roundHalfEven(stride * i));
}

/** How many {@link patchStarts} there are, without making them. */
export function patchCount(imageLength: number, patchLength: number, stepFraction: number): number {
  return Math.ceil((imageLength - patchLength) / (patchLength * stepFraction)) + 1;
}
