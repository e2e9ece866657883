import { roundHalfEven, type Shape3, type Spacing } from "@nnunet/core";
import { medianPerAxis } from "./median-per-axis.ts";

/**
 * The median image after resampling, per axis; fractional.
 *
 * @param target - mm, [z, y, x]
 * @param roundEachCase - nnU-Net v2 rounds every case to whole voxels before taking the median; the paper-era code not
 * @see docs/method.md §2.3
 */
export function medianResampledShape(
  spacings: readonly Spacing[],
  shapes: readonly Shape3[],
  target: Spacing,
  roundEachCase: boolean,
): number[] {
  const resampled = spacings.map((spacing, i) =>
    spacing.map((s, axis) => {
      const extent = (s / target[axis]!) * shapes[i]![axis]!;
      return roundEachCase ? Math.max(1, roundHalfEven(extent)) : extent;
    }),
  );
  return medianPerAxis(resampled);
}
