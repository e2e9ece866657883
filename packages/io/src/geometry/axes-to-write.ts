import type { Geometry, VolumeShape } from "@nnunet/core";

/** How many axes of space a file of this volume has: as many as the image had whose grid it is, otherwise three. */
export function axesToWrite({ asRead }: Geometry, [, nz, ny, nx]: VolumeShape): 1 | 2 | 3 {
  if (!asRead || asRead.shape.join() !== [nz, ny, nx].join()) return 3;
  return asRead.axes;
}
