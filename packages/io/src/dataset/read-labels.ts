import { ImageFileError, type Volume } from "@nnunet/core";
import type { ReadImageOptions } from "../image-format.ts";
import { readImage } from "../image-file.ts";

/**
 * Reads an image of labels, one per voxel: of a picture with a palette the indices, which are the classes, whatever
 * colours they are painted with; of scaled 32-bit integers the float32 values, so that 0.9999999998 is the 1 that was
 * meant. Everything else is read as it is stored.
 *
 * @throws {ImageFileError} if it has several channels; further errors as `readImage`
 * @example (await readLabels("labelsTr/hippocampus_001.nii.gz")).shape; // [1, 35, 51, 35]
 */
export async function readLabels(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  const stored = await readImage(path, { ...options, palette: "indices" });
  if (stored.shape[0] !== 1) throw new ImageFileError(path, "channels", severalChannels(stored.shape[0]));
  return stored.data instanceof Float64Array ? { ...stored, data: Float32Array.from(stored.data) } : stored;
}

/** What is said of labels that are colours; turning these into greys would make luminances of classes. */
function severalChannels(count: number): string {
  const advice =
    "write a file whose voxels are the numbers of the classes: 0, 1, 2, …, or a palette image with these indices";
  return `expected one label per voxel, got ${count} channels; ${advice}`;
}
