import { stat } from "node:fs/promises";
import { elementCount, gigabytes, LimitError, UnsupportedError, type Volume } from "@nnunet/core";
import { freeMemory, regularFile } from "@nnunet/core/node";
import { holdsDicom } from "./dicom/dicom-folder.ts";
import type { ImageFormat, ReadImageOptions, WriteImageOptions } from "./image-format.ts";
import { formatOfName, readableEndings, seriesFormat, writableEndings } from "./image-formats.ts";
import type { ImageInfo } from "./image-info.ts";

/**
 * Reads an image of any supported format; the ending of its name says which. A folder is read as one DICOM series.
 *
 * @returns voxels as stored, [channel, z, y, x] with x the file's fastest axis, never reoriented
 * @throws {FileError} if the file is missing or unreadable
 * @throws {ImageFileError} if it is damaged or its header makes no sense; names the field
 * @throws {UnsupportedError} for an ending that belongs to no supported format
 * @throws {LimitError} if its voxels are more than the machine has memory free
 * @example (await readImage("hippocampus_001.nii.gz")).shape; // [1, 35, 51, 35]
 */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  const format = await formatOfFile(path);
  if (format.place === "geometry" && !format.isSeries) await refuseWhatIsNotFree(path, format, options);
  return format.read(path, options);
}

/** A header of a few hundred bytes may promise more voxels than there is memory, and be honest. */
async function refuseWhatIsNotFree(path: string, format: ImageFormat, { onWarning: _, ...options }: ReadImageOptions) {
  const { shape, dataType } = await format.readInfo(path, options);
  const bytes = elementCount(shape) * (Number(/\d+/.exec(dataType)?.[0] ?? 64) / 8);
  const free = freeMemory();
  if (bytes <= free) return;
  const [, nz, ny, nx] = shape;
  throw new LimitError(
    `reading ${path} (${nx} × ${ny} × ${nz} voxels of ${dataType})`,
    `${gigabytes(bytes)} of memory`,
    `only ${gigabytes(free)} are free`,
    "crop or resample the image, free some memory, or use a larger machine",
  );
}

/** Shape, geometry and type, without decoding the voxels. Errors as {@link readImage}. */
export async function readImageInfo(path: string, options: ReadImageOptions = {}): Promise<ImageInfo> {
  return (await formatOfFile(path)).readInfo(path, options);
}

/**
 * Writes an image in the format that the ending of `path` names, in the array's own data type (picture formats: the
 * narrowest that holds the values). A file of that name is replaced, and so are its companions (see `writtenFiles`).
 *
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 * @throws {UnsupportedError} for an ending that belongs to no supported format, or values that it cannot hold
 */
export async function writeImage(path: string, volume: Volume, options: WriteImageOptions = {}): Promise<void> {
  const format = formatOfName(path);
  if (!format) throw unknown(path, writableEndings());
  if (!format.write) {
    const [reason, instead] = format.notWritten ?? ["is not offered", "use .nii.gz"];
    throw new UnsupportedError(`writing ${path} as ${format.name}, which ${reason},`, instead);
  }
  await format.write(path, volume, options);
}

/**
 * Whether a file is DICOM, by its name or its first bytes: such files often have no ending at all.
 *
 * @throws {FileError} if it is missing or unreadable
 */
export async function isDicomFile(path: string): Promise<boolean> {
  return formatOfName(path) === seriesFormat || holdsDicom(path);
}

/**
 * Whether a path is read as DICOM: a folder, or a file called or beginning so.
 *
 * @throws {FileError} if it is missing or unreadable
 */
export async function isDicomSeries(path: string): Promise<boolean> {
  return (await formatOfFile(path)) === seriesFormat;
}

async function formatOfFile(path: string): Promise<ImageFormat> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return seriesFormat;
  const byName = formatOfName(path);
  if (byName) return byName;
  await regularFile(path);
  // DICOM files often have no ending at all.
  if (await holdsDicom(path)) return seriesFormat;
  throw unknown(path, readableEndings);
}

function unknown(path: string, known: readonly string[]): UnsupportedError {
  return new UnsupportedError(`the image format of ${path}`, `use one of ${known.join(" ")}`);
}
