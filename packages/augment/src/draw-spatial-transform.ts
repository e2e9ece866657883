import type { RandomGenerator } from "@nnunet/core";
import { drawFactor } from "./augment-patch.ts";
import type { SpatialParameters } from "./augmentation-parameters.ts";
import { type SamplingTransform, samplingMatrix } from "./spatial-transform.ts";

/**
 * A random rotation and scaling, or nothing when neither fires; then the middle of what was read is the patch.
 *
 * @param rotation - largest angle, degrees; angles are uniform up to it on either side
 * @param inPlane - turn and scale slices in their plane (2D and anisotropic patches)
 * @see paper, Supplement D, step 1
 */
export function drawSpatialTransform(
  spatial: SpatialParameters,
  rotation: number,
  inPlane: boolean,
  random: RandomGenerator,
): SamplingTransform | undefined {
  const rotates = random.chance(spatial.rotationProbability);
  const scales = random.chance(spatial.scalingProbability);
  if (!rotates && !scales) return undefined;
  const angle = () => (rotates ? (random.uniform(-rotation, rotation) * Math.PI) / 180 : 0);
  const angles = inPlane ? ([angle(), 0, 0] as const) : ([angle(), angle(), angle()] as const);
  const factor = scales ? drawFactor(spatial.scale, random) : 1;
  const step = spatial.factorAboveOne === "zooms-in" ? 1 / factor : factor;
  return { matrix: samplingMatrix(angles, [inPlane ? 1 : step, step, step]) };
}
