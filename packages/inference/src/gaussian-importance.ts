import { elementCount, InvalidArgumentError } from "@nnunet/core";

/**
 * How much each voxel of a patch counts where patches overlap: a Gaussian with its peak, 1, at voxel
 * `floor(length / 2)` of each axis and a standard deviation of an eighth of the patch.
 *
 * @param patchSize - voxels per axis, slowest first
 * @returns C order over `patchSize`, all values in (0, 1]
 * @throws {InvalidArgumentError} if an extent is not a positive integer
 * @example gaussianImportance([8]).slice(3, 6); // Float32Array [0.6065…, 1, 0.6065…]
 * @see paper, Supplement B.1 "Inference"; docs/method.md §0 item 14
 */
export function gaussianImportance(patchSize: readonly number[]): Float32Array {
  if (patchSize.length === 0) throw new InvalidArgumentError("patchSize", "one positive integer per axis", patchSize);
  const axes = patchSize.map((length) => axisImportance(length));
  const weights = new Float32Array(elementCount(patchSize));
  const index = new Int32Array(patchSize.length);
  for (let i = 0; i < weights.length; i++) {
    let product = 1;
    for (let axis = 0; axis < axes.length; axis++) product *= axes[axis]![index[axis]!]!;
    weights[i] = product;
    for (let axis = axes.length - 1; axis >= 0 && ++index[axis]! === patchSize[axis]; axis--) index[axis] = 0;
  }
  return weights;
}

/**
 * One axis of {@link gaussianImportance}, which is the product of its axes.
 *
 * The reference filters a single 1 with scipy's `gaussian_filter` (truncated at 4 sigma, zeros outside) and divides by
 * the maximum. That is this function: with sigma = length / 8 the truncation at half a patch never cuts a voxel off.
 * It also raises zeros to the smallest other weight. Zeros come from its float16; the smallest weight here, e⁻⁸ per
 * axis, is far above the smallest float32, so there is nothing to raise.
 *
 * @param length - voxels
 */
export function axisImportance(length: number): Float64Array {
  if (!(Number.isInteger(length) && length > 0)) {
    throw new InvalidArgumentError("patchSize", "one positive integer per axis", [length]);
  }
  const sigma = length / 8;
  const centre = Math.floor(length / 2);
  return Float64Array.from({ length }, (_, i) => Math.exp(-0.5 * ((i - centre) / sigma) ** 2));
}
