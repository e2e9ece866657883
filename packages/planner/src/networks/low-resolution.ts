import { elementCount, roundHalfEven } from "@nnunet/core";
import { type PlannedNetwork, type PlanningContext, planNetwork } from "./plan-network.ts";

/** Whether the dataset needs a cascade, and the search for its low-resolution network. */
export interface CascadeSearch {
  /** Fraction of the median image that the full-resolution patch covers. */
  readonly fullResolutionCoverage: number;
  readonly triggered: boolean;
  /** Spacing steps tried; the last one is the result. */
  readonly steps: readonly { readonly spacing: readonly number[]; readonly coverage: number }[];
  /** Absent if not triggered, or if the low resolution came out too close to the full one. */
  readonly lowResolution?: PlannedNetwork;
  /** Voxels of the full-resolution over those of the low-resolution median image. */
  readonly shrinkage?: number;
}

/**
 * Plans the first network of the cascade: the spacing grows step by step, finest axes first, until the patch covers
 * enough of the median image.
 *
 * @param medianShape - of the full resolution, not rounded
 * @see Isensee et al. 2021, Methods, "Configuration of 3D U-Net cascade"; Figure E.1 b; docs/method.md §2.8
 */
export function planLowResolution(
  full: PlannedNetwork,
  medianShape: readonly number[],
  context: PlanningContext,
): CascadeSearch {
  const { blueprint, cases } = context;
  const rules = context.ruleSet.lowResolution;
  const fullVoxels = elementCount(full.medianShape);
  let patchVoxels = elementCount(full.fitted.topology.patchSize);
  const fullResolutionCoverage = patchVoxels / fullVoxels;
  const triggered = fullResolutionCoverage < blueprint.cascadeTrigger;
  const steps: { spacing: readonly number[]; coverage: number }[] = [];
  if (!triggered) return { fullResolutionCoverage, triggered, steps };

  const spacing = [...full.spacing];
  let voxels = fullVoxels;
  let lowResolution: PlannedNetwork | undefined;
  while (patchVoxels / voxels < blueprint.cascadeCoverage) {
    const coarsest = Math.max(...spacing);
    const lagging = spacing.map((s) => coarsest / s > 2);
    for (let axis = 0; axis < 3; axis++) {
      if (lagging[axis] || !lagging.some(Boolean)) spacing[axis]! *= 1 + blueprint.cascadeSpacingStep;
    }
    const exact = medianShape.map((extent, axis) => (full.spacing[axis]! / spacing[axis]!) * extent);
    const rounded = exact.map((extent) => Math.max(1, roundHalfEven(extent)));
    voxels = elementCount(rules.truncateShape ? exact.map(Math.floor) : exact);
    lowResolution = planNetwork(
      {
        configuration: "3d_lowres",
        spacing: [...spacing],
        medianShape: rounded,
        datasetVoxels: elementCount(rules.countRoundedShape ? rounded : exact) * cases,
      },
      context,
    );
    patchVoxels = elementCount(lowResolution.fitted.topology.patchSize);
    steps.push({ spacing: [...spacing], coverage: patchVoxels / voxels });
  }
  if (!lowResolution) return { fullResolutionCoverage, triggered, steps };
  const shrinkage = fullVoxels / elementCount(lowResolution.medianShape);
  const minimum = blueprint.cascadeMinimumShrinkage;
  const tooClose = rules.dropAtMinimumShrinkage ? shrinkage <= minimum : shrinkage < minimum;
  return { fullResolutionCoverage, triggered, steps, shrinkage, ...(!tooClose && { lowResolution }) };
}
