import { ImageFileError, type Volume } from "@nnunet/core";
import type { ReadImageOptions } from "../image-format.ts";
import { readImage } from "../image-file.ts";

/**
 * Reads an image of labels, one per voxel: of a picture with a palette the indices, which are the classes, whatever
 * colours they are painted with; of scaled integers the whole numbers that were meant, where 0.9999999998 or 4.5e-8 stands for
 * one. Everything else is read as it is stored.
 *
 * @throws {ImageFileError} if it has several channels; further errors as `readImage`
 * @example (await readLabels("labelsTr/hippocampus_001.nii.gz")).shape; // [1, 35, 51, 35]
 */
export async function readLabels(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  const stored = await readImage(path, { ...options, palette: "indices" });
  if (stored.shape[0] !== 1) throw new ImageFileError(path, "channels", severalChannels(stored.shape[0]));
  const { data } = stored;
  const isFloat = data instanceof Float64Array || data instanceof Float32Array;
  return isFloat ? { ...stored, data: Float32Array.from(data, wholeNumber) } : stored;
}

/**
 * A slope and an intercept in float32 put a label beside its whole number: -200 · 0.01 + 2 is 4.5e-8. Some units in the last
 * place of the operands are taken for that; what is farther off is no label, and told as such by whoever checks.
 */
function wholeNumber(value: number): number {
  const whole = Math.round(value);
  return Math.abs(value - whole) <= 1e-6 * Math.max(1, Math.abs(whole)) ? whole : value;
}

/** What is said of labels that are colours; turning these into greys would make luminances of classes. */
function severalChannels(count: number): string {
  const advice =
    "write a file whose voxels are the numbers of the classes: 0, 1, 2, …, or a palette image with these indices";
  return `expected one label per voxel, got ${count} channels; ${advice}`;
}
