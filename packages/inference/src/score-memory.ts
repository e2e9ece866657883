import type { Shape3, VolumeShape } from "@nnunet/core";

/** Planes that deciding a tile needs at most, see `LabelDecider` of `@nnunet/preprocess`. */
export const PLANES_OF_TILE = 9;
/** Bytes that a strip of scores on disk should take while it is decided. */
const STRIP = 48e6;

/** Lines of a strip of scores on disk: as many as {@link STRIP} holds, within reason. */
export function linesOfStrip([channels, , , width]: VolumeShape): number {
  return Math.max(16, Math.min(64, Math.floor(STRIP / (4 * channels * PLANES_OF_TILE * width)) - PLANES_OF_TILE));
}

/**
 * Bytes in memory of scores on disk: two strips, of which one is being decided, and a piece of a patch's plane.
 *
 * @param shape - [class or region, z, y, x]
 */
export function stripBytes(shape: VolumeShape, patchSize: Shape3): number {
  const [channels, depth, height, width] = shape;
  const lines = Math.min(height, linesOfStrip(shape) + PLANES_OF_TILE);
  const strip = channels * Math.min(depth, PLANES_OF_TILE) * lines * width;
  return 4 * (2 * strip + channels * Math.min(linesOfStrip(shape), patchSize[1]) * patchSize[2]);
}
