import type { VoxelArray } from "@nnunet/core";
import type { FramePixels } from "./decode-frames.ts";
import type { Frame } from "./dicom-image.ts";
import { changesNothing } from "./frame-rescale.ts";
import { lookUp } from "./palette.ts";

/**
 * Puts one frame's values into the volume [channel, slice, row, column].
 *
 * @param at - of the slice in the first channel
 * @param channelLength - voxels of a channel
 */
export function placeFrame(
  volume: VoxelArray,
  pixels: FramePixels,
  { image, rescale }: Pick<Frame, "image" | "rescale">,
  at: number,
  channelLength: number,
): void {
  if (image.palette) {
    for (const [c, table] of image.palette.entries()) lookUp(pixels, table, volume, c * channelLength + at);
    return;
  }
  if (rescale.table) {
    lookUp(pixels, rescale.table, volume, at);
    return;
  }
  if (changesNothing(rescale)) {
    const perSample = pixels.length / image.format.samples;
    for (let c = 0; c < image.format.samples; c++) {
      volume.set(pixels.subarray(c * perSample, (c + 1) * perSample), c * channelLength + at);
    }
    return;
  }
  const { slope, intercept } = rescale;
  for (let i = 0; i < pixels.length; i++) volume[at + i] = pixels[i]! * slope + intercept;
}
