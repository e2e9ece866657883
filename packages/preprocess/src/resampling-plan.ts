import {
  type Configuration,
  InvalidArgumentError,
  type ResamplingScheme,
  roundHalfEven,
  type Shape3,
  type Spacing,
} from "@nnunet/core";
import type { SeparateAxis, SplineOrder } from "@nnunet/kernels";

/** Ratio of the coarsest to the finest spacing above which slices are resampled on their own. */
const ANISOTROPY_THRESHOLD = 3;

/**
 * Voxels per axis after resampling: `round(old spacing / new spacing · voxels)`, ties to even, at least 1.
 *
 * @example resampledShape([20, 100, 100], [3, 1, 1], [1, 1, 1]); // [60, 100, 100]
 */
export function resampledShape(shape: Shape3, spacing: Spacing, target: Spacing): Shape3 {
  const extent = (i: 0 | 1 | 2) => Math.max(1, roundHalfEven((spacing[i] / target[i]) * shape[i]));
  return [extent(0), extent(1), extent(2)];
}

/** The spacing of a configuration for one image; a 2D configuration keeps the image's own along axis 0. */
export function targetSpacingFor({ spacing: s }: Configuration, spacing: Spacing): Spacing {
  return s.length === 2 ? [spacing[0], s[0]!, s[1]!] : [s[0]!, s[1]!, s[2]!];
}

/**
 * The grid that a whole image is resampled to, known from its header; cropping to the nonzero region makes it smaller.
 *
 * @param shape - [z, y, x] of the original image
 * @param spacing - of the original image, mm
 * @param transposeForward - of the plans
 * @returns [z, y, x] after transposition
 */
export function resampledGrid(
  shape: Shape3,
  spacing: Spacing,
  transposeForward: readonly number[],
  configuration: Configuration,
): Shape3 {
  const turned = (v: Shape3): Shape3 => [v[transposeForward[0]!]!, v[transposeForward[1]!]!, v[transposeForward[2]!]!];
  const own = turned(spacing);
  return resampledShape(turned(shape), own, targetSpacingFor(configuration, own));
}

/**
 * The axis across which slices are resampled on their own, or undefined: the coarsest axis of `current` if its spacing
 * is more than three times the finest, else that of `next`; never if two axes share the coarsest spacing.
 *
 * @param force - true or false overrides the threshold (`force_separate_z` in plans.json)
 * @example anisotropicAxis([5, 1, 1], [2.5, 1, 1], null); // 0
 * @see docs/method.md §3, "Resampling"
 */
export function anisotropicAxis(current: Spacing, next: Spacing, force: boolean | null): number | undefined {
  const anisotropic = (s: Spacing) => Math.max(...s) / Math.min(...s) > ANISOTROPY_THRESHOLD;
  const decisive = force === true || anisotropic(current) ? current : anisotropic(next) ? next : undefined;
  if (force === false || !decisive) return undefined;
  const coarsest = [0, 1, 2].filter((i) => decisive[i] === Math.max(...decisive));
  return coarsest.length === 1 ? coarsest[0] : undefined;
}

/** The kernel options that a plan's resampling scheme means for this image. */
export function kernelOptions(
  scheme: ResamplingScheme,
  current: Spacing,
  next: Spacing,
  field: string,
): { order: SplineOrder; separateAxis: SeparateAxis | undefined } {
  const axis = anisotropicAxis(current, next, scheme.forceSeparateZ);
  return {
    order: splineOrder(scheme.order, `${field}.order`),
    separateAxis: axis === undefined ? undefined : { axis, order: splineOrder(scheme.orderZ, `${field}.order_z`) },
  };
}

/** The same of a plan's scheme for labels. */
export function labelOptions(
  scheme: ResamplingScheme,
  current: Spacing,
  next: Spacing,
): { order: 0 | 1; separateAxis: SeparateAxis | undefined } {
  const { order, separateAxis } = kernelOptions(scheme, current, next, "resampling_fn_seg");
  if (order === 3) throw new InvalidArgumentError("resampling_fn_seg.order", "0 or 1 for labels", order);
  return { order, separateAxis };
}

function splineOrder(order: number, field: string): SplineOrder {
  if (order === 0 || order === 1 || order === 3) return order;
  throw new InvalidArgumentError(field, "0 (nearest), 1 (linear) or 3 (cubic)", order);
}
