import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";
import { readPrefix } from "../files/bounded-file.ts";
import { visibleFiles } from "../files/folder-contents.ts";
import type { ReadImageOptions } from "../image-format.ts";
import { diskFile } from "./disk-file.ts";
import { type FoundImages, imagesAmong, type PossibleSlice, prefixBytes } from "./images-among.ts";
import { isDicom, withDicom } from "./open-dicom.ts";
import { dicomImage } from "./parse-image.ts";

/**
 * Reads the headers of all files of DICOM in a folder, or of one file. Errors as {@link imagesAmong}.
 *
 * @throws {FileError} also for a file without pixels
 */
export async function findImages(path: string, options: ReadImageOptions = {}): Promise<FoundImages> {
  const found = await stat(path).catch((error: unknown) => {
    throw describeFileError(path, "could not be read", error);
  });
  if (!found.isDirectory()) {
    const image = await withDicom(diskFile(path), (file) => dicomImage(file, options.palette));
    if (!image) throw new FileError(path, "a DICOM file without pixels (an index, a report, a plan); it is no image");
    return { images: [image], warnings: image.warnings };
  }
  return imagesAmong(path, filesIn(path), options);
}

async function* filesIn(folder: string): AsyncGenerator<PossibleSlice> {
  for (const name of await visibleFiles(folder)) {
    const path = join(folder, name);
    const { size, isFolder } = await stat(path).then((found) => ({ size: found.size, isFolder: found.isDirectory() }));
    if (!isFolder) yield { file: diskFile(path), prefix: await beginning(path), size };
  }
}

/** Whether a file of a folder begins like DICOM; of a file itself, whether it does. */
export async function holdsDicom(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    throw describeFileError(path, "could not be read", error);
  });
  const names = found.isDirectory() ? (await visibleFiles(path)).map((name) => join(path, name)) : [path];
  for (const file of names) {
    if (isDicom(await beginning(file))) return true;
  }
  return false;
}

/** [] of what is no ordinary file. */
async function beginning(file: string): Promise<Uint8Array> {
  const stats = await stat(file);
  return stats.isFile() && stats.size > 0 ? (await readPrefix(file, prefixBytes)).bytes : new Uint8Array();
}
