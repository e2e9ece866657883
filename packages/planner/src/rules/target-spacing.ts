import { percentile, type Shape3, type Spacing } from "@nnunet/core";
import { medianPerAxis } from "./median-per-axis.ts";

/** The spacing that all cases are resampled to for the 3D networks, and why. */
export interface TargetSpacing {
  /** mm, [z, y, x] before transposition. */
  readonly spacing: Spacing;
  /** Per axis over the training cases. */
  readonly medianSpacing: Spacing;
  readonly coarsestAxis: number;
  /** Coarsest spacing over that of the others that the rule set compares with. */
  readonly spacingRatio: number;
  /** Shortest other extent over the extent of the coarsest axis, voxels. */
  readonly voxelRatio: number;
  readonly anisotropic: boolean;
}

export interface TargetSpacingRule {
  /** Which of the two other spacings the coarsest is compared with: the paper-era code takes the finest. */
  readonly compareWith: "finest" | "second coarsest";
  /** Both ratios must exceed it: 3. */
  readonly anisotropyThreshold: number;
  /** Of the coarsest spacings, where the data is anisotropic: 10. */
  readonly targetSpacingPercentile: number;
}

/**
 * The median spacing of each axis; along the coarsest axis of anisotropic data a low percentile instead, so that most
 * cases are interpolated up rather than thrown away.
 *
 * @param shapes - after cropping, voxels
 * @see Isensee et al. 2021, Methods, "Target spacing"; docs/method.md §2.1
 */
export function targetSpacing(
  spacings: readonly Spacing[],
  shapes: readonly Shape3[],
  { compareWith, anisotropyThreshold, targetSpacingPercentile }: TargetSpacingRule,
): TargetSpacing {
  const axes = [0, 1, 2] as const;
  const along = (axis: number) => Float64Array.from(spacings, (spacing) => spacing[axis]!).sort();
  // NumPy's percentile, as nnU-Net has it, which may differ from the median in the last bit
  const medianSpacing = axes.map((axis) => percentile(along(axis), 0.5)) as unknown as Spacing;
  const medianShape = medianPerAxis(shapes);
  const coarsestAxis = medianSpacing.indexOf(Math.max(...medianSpacing));
  const others = axes.filter((axis) => axis !== coarsestAxis);
  const pick = compareWith === "finest" ? Math.min : Math.max;
  const compared = pick(...others.map((axis) => medianSpacing[axis]));
  const spacingRatio = medianSpacing[coarsestAxis]! / compared;
  const voxelRatio = Math.min(...others.map((axis) => medianShape[axis]!)) / medianShape[coarsestAxis]!;
  const anisotropic =
    medianSpacing[coarsestAxis]! > anisotropyThreshold * compared &&
    medianShape[coarsestAxis]! * anisotropyThreshold < Math.min(...others.map((axis) => medianShape[axis]!));
  const spacing = [...medianSpacing] as [number, number, number];
  if (anisotropic) {
    const low = percentile(along(coarsestAxis), targetSpacingPercentile / 100);
    // never finer than the other axes, or the coarsest axis would become another one
    spacing[coarsestAxis] = low < compared ? Math.max(compared, low) + 1e-5 : low;
  }
  return { spacing, medianSpacing, coarsestAxis, spacingRatio, voxelRatio, anisotropic };
}
