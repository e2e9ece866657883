import type { Geometry } from "@nnunet/core";

/**
 * Place of a photograph or section, whose file says nothing of millimetres: pixels of 1, and the absent third axis so
 * coarse (999, nnU-Net's number) that no rule takes it for an axis of the image.
 */
export const planeGeometry: Geometry = {
  spacing: [999, 1, 1],
  origin: [0, 0, 0],
  direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
};

/** Whether an image of this geometry says how large its voxels are; a photograph or section does not. */
export function saysItsSpacing({ spacing }: Pick<Geometry, "spacing">): boolean {
  return spacing.some((mm, axis) => mm !== planeGeometry.spacing[axis]);
}
