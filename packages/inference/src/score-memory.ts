import type { Shape3, VolumeShape } from "@nnunet/core";
import { planesOfDecision } from "@nnunet/preprocess";

/** Bytes that a strip of scores on disk should take while it is decided. */
const STRIP = 32e6;

/** Lines of a strip of scores on disk: as many as {@link STRIP} holds, within reason. */
export function linesOfStrip([channels, , , width]: VolumeShape): number {
  return Math.max(8, Math.min(64, Math.floor(STRIP / (4 * channels * planesOfDecision * width)) - planesOfDecision));
}

/**
 * Bytes in memory of scores on disk: two strips, of which one is being decided, and a piece of a patch's plane.
 *
 * @param shape - [class or region, z, y, x]
 */
export function stripBytes(shape: VolumeShape, patchSize: Shape3): number {
  const [channels, depth, height, width] = shape;
  const lines = Math.min(height, linesOfStrip(shape) + planesOfDecision);
  const strip = channels * Math.min(depth, planesOfDecision) * lines * width;
  return 4 * (2 * strip + channels * Math.min(linesOfStrip(shape), patchSize[1]) * patchSize[2]);
}
