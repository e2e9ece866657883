import { FileError } from "@nnunet/core";
import { copyOrdinaryFile } from "../files/copy-file.ts";
import { leadsOut } from "../files/inside-folder.ts";
import type { WriteImageOptions } from "../image-format.ts";
import { imageFiles } from "../image-files.ts";
import { readImage, writeImage } from "../image-file.ts";
import { formatOfName } from "../image-formats.ts";
import { readLabels } from "./read-labels.ts";

export interface CopyImageOptions extends Pick<WriteImageOptions, "isChannel"> {
  /** Palettes are read by their indices if the format changes. */
  readonly isLabel?: boolean;
  /** None of the image's files may lie outside, also by a link. */
  readonly within: string;
}

/**
 * Copies an image with all its files to another name: a detached header then names its copied voxels, a compressed
 * ending has compressed bytes, the spacing of a TIFF goes with it. Bytes stay as they are where the new name allows;
 * otherwise the image is read and written.
 *
 * @throws {FileError} if a file lies outside of `within`, or something is in the way
 */
export async function copyImage(from: string, to: string, options: CopyImageOptions): Promise<void> {
  for (const path of await imageFiles(from)) await requireInside(options.within, path);
  const format = formatOfName(from);
  if (format && format === formatOfName(to)) {
    if (!format.copy) return copyOrdinaryFile(from, to);
    if (await format.copy(from, to, options)) return;
  }
  await writeImage(to, options.isLabel ? await readLabels(from) : await readImage(from), options);
}

/** @throws {FileError} if the file lies outside of the folder, also by a link */
export async function requireInside(folder: string, path: string): Promise<void> {
  if (!(await leadsOut(folder, path))) return;
  throw new FileError(path, `is a link that leads out of ${folder}; put the file itself there`);
}
