import { stat } from "node:fs/promises";
import { join } from "node:path";
import { visibleFiles } from "./files/folder-contents.ts";
import type { WriteImageOptions } from "./image-format.ts";
import { formatOfName } from "./image-formats.ts";

/*
 * An image is all its files: header and voxels of a pair, the data file that a header names, the spacing beside a TIFF,
 * every slice of a series.
 */

/**
 * Every file that the image of this path consists of, the one named first.
 * Headers are read, with all checks; voxels are not.
 *
 * @returns paths in the folder of `path`, or in it if it is a folder (a DICOM series)
 * @throws {FileError} if it is missing or unreadable
 * @throws {ImageFileError} if its header cannot be read or names a file that is missing or lies elsewhere
 * @example await imageFiles("case_0000.hdr"); // ["case_0000.hdr", "case_0000.img"]
 */
export async function imageFiles(path: string): Promise<string[]> {
  if (await isFolder(path)) return (await visibleFiles(path)).map((name) => join(path, name));
  const companions = (await formatOfName(path)?.companions?.(path)) ?? [];
  return [path, ...companions];
}

/**
 * Every file that `writeImage` may make for this path: what must not be there yet if nothing is to be replaced.
 *
 * @param options - as they are given to `writeImage`
 * @example writtenFiles("segmentation.hdr"); // ["segmentation.hdr", "segmentation.img"]
 */
export function writtenFiles(path: string, options: WriteImageOptions = {}): string[] {
  return [path, ...(formatOfName(path)?.companionsWritten?.(path, options) ?? [])];
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
