import type { Geometry, VolumeShape } from "@nnunet/core";

/** The geometry of a text-headed file, with the number of its axes where that is not three. */
export function withAxes(geometry: Geometry, [, nz, ny, nx]: VolumeShape, axes: number): Geometry {
  return axes < 3 ? { ...geometry, asRead: { shape: [nz, ny, nx], axes: axes as 1 | 2 } } : geometry;
}

/**
 * Two if the image had two and its third axis says nothing that a file of two could not (text-headed formats, which
 * derive it: 1 mm along the normal), otherwise three.
 */
export function planeAxes(geometry: Geometry, shape: VolumeShape): 2 | 3 {
  const isPlane = axesToWrite(geometry, shape) === 2 && geometry.asRead?.nifti === undefined;
  return isPlane && geometry.spacing[0] === 1 ? 2 : 3;
}

/** How many axes of space a file of this volume has: as many as the image had whose grid it is, otherwise three. */
export function axesToWrite({ asRead }: Geometry, [, nz, ny, nx]: VolumeShape): 1 | 2 | 3 {
  if (!asRead || asRead.shape.join() !== [nz, ny, nx].join()) return 3;
  return asRead.axes;
}
