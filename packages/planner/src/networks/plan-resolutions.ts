import { elementCount, type Fingerprint, roundHalfEven, type Spacing } from "@nnunet/core";
import { type CascadeSearch, planLowResolution } from "./low-resolution.ts";
import { medianResampledShape } from "../rules/median-shape.ts";
import { type PlannedNetwork, type PlanningContext, planNetwork } from "./plan-network.ts";

/** The networks of a plan before they become configurations. */
export interface PlannedResolutions {
  readonly flat: PlannedNetwork;
  /** Absent if the images are single slices. */
  readonly full?: PlannedNetwork;
  readonly search?: CascadeSearch;
}

/**
 * The 2D network and, unless the images are single slices, the 3D networks.
 *
 * @param target - spacing for 3D, mm, [z, y, x] before transposition
 * @param target2d - spacing for 2D, same axes; its coarsest axis is not resampled but counts the slices
 * @param inOrder - puts three values into the transposed order
 */
export function planResolutions(
  { spacings, shapesAfterCrop }: Fingerprint,
  target: Spacing,
  target2d: Spacing,
  inOrder: (values: readonly number[]) => number[],
  context: PlanningContext,
): PlannedResolutions {
  const { ruleSet, cases } = context;
  const shapeAt = (spacing: Spacing) => {
    const exact = inOrder(medianResampledShape(spacings, shapesAfterCrop, spacing, ruleSet.roundEachCase));
    // the paper-era code rounds the median; nnU-Net v2 has rounded each case and keeps a median of x.5
    return { exact, used: ruleSet.roundEachCase ? exact : exact.map(atLeastOne) };
  };
  const shape2d = shapeAt(target2d).used;
  const flat = planNetwork(
    {
      configuration: "2d",
      spacing: inOrder(target2d).slice(1),
      medianShape: shape2d.slice(1),
      datasetVoxels: elementCount(shape2d) * cases,
    },
    context,
  );
  const shape3d = shapeAt(target);
  if (shape3d.used[0] === 1) return { flat };
  const full = planNetwork(
    {
      configuration: "3d_fullres",
      spacing: inOrder(target),
      medianShape: shape3d.used,
      datasetVoxels: elementCount(shape3d.used) * cases,
    },
    context,
  );
  return { flat, full, search: planLowResolution(full, shape3d.exact, context) };
}

/** An image keeps one voxel however coarse the target spacing. */
function atLeastOne(extent: number): number {
  return Math.max(1, roundHalfEven(extent));
}
