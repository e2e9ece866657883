import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { UnsupportedError, type Volume } from "@nnunet/core";
import { readPrefix } from "./files/bounded-file.ts";
import { readDicom, readDicomInfo } from "./dicom/dicom-series.ts";
import { isDicom } from "./dicom/dicom-tags.ts";
import type { ImageInfo } from "./image-info.ts";
import { readMetaImage, readMetaImageInfo, writeMetaImage } from "./metaimage/metaimage.ts";
import { readNrrd, readNrrdInfo, writeNrrd } from "./nrrd/nrrd.ts";
import { readPicture, readPictureInfo, writePicture } from "./picture/picture-file.ts";
import { readPng, readPngInfo, writePng } from "./png/png.ts";
import { readNifti, readNiftiInfo } from "./nifti/read-nifti.ts";
import { type WriteNiftiOptions, writeNifti } from "./nifti/write-nifti.ts";

export type WriteImageOptions = WriteNiftiOptions;

interface ImageFormat {
  readonly read: (path: string) => Promise<Volume>;
  readonly readInfo: (path: string) => Promise<ImageInfo>;
  readonly write: (path: string, volume: Volume, options: WriteImageOptions) => Promise<void>;
}

const nifti: ImageFormat = { read: readNifti, readInfo: readNiftiInfo, write: writeNifti };
const nrrd: ImageFormat = { read: readNrrd, readInfo: readNrrdInfo, write: writeNrrd };
const metaImage: ImageFormat = { read: readMetaImage, readInfo: readMetaImageInfo, write: writeMetaImage };
const png: ImageFormat = { read: readPng, readInfo: readPngInfo, write: writePng };
const picture: ImageFormat = { read: readPicture, readInfo: readPictureInfo, write: writePicture };

const formats: Readonly<Record<string, ImageFormat>> = {
  ".nii": nifti,
  ".hdr": nifti,
  ".img": nifti,
  ".nrrd": nrrd,
  ".nhdr": nrrd,
  ".mha": metaImage,
  ".mhd": metaImage,
  ".png": png,
  ".tif": picture,
  ".tiff": picture,
  ".bmp": picture,
  ".jpg": picture,
  ".jpeg": picture,
};

/** DICOM files often have no ending at all; a folder is a series. */
const dicom: ImageFormat = {
  read: (path) => readDicom(path),
  readInfo: (path) => readDicomInfo(path),
  write: (path) => {
    throw new UnsupportedError(`writing DICOM (${path})`, "write .nii.gz");
  },
};

/**
 * Reads an image of any supported format; the ending of its name says which. A folder is read as one DICOM series.
 *
 * @returns voxels as stored, [channel, z, y, x] with x the file's fastest axis, never reoriented
 * @throws {FileError} if the file is missing or unreadable
 * @throws {ImageFileError} if it is damaged or its header makes no sense; names the field
 * @throws {UnsupportedError} for an ending that belongs to no supported format
 * @example (await readImage("hippocampus_001.nii.gz")).shape; // [1, 35, 51, 35]
 */
export async function readImage(path: string): Promise<Volume> {
  return (await formatOfFile(path)).read(path);
}

/** Shape, geometry and type, without decoding the voxels. Errors as {@link readImage}. */
export async function readImageInfo(path: string): Promise<ImageInfo> {
  return (await formatOfFile(path)).readInfo(path);
}

/**
 * Writes an image in the format that the ending of `path` names, in the array's own data type (picture formats: the
 * narrowest that holds the values).
 *
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 * @throws {UnsupportedError} for an ending that belongs to no supported format, or values that it cannot hold
 */
export async function writeImage(path: string, volume: Volume, options: WriteImageOptions = {}): Promise<void> {
  const format = formatOf(path);
  if (!format) throw unknown(path);
  await format.write(path, volume, options);
}

function formatOf(path: string): ImageFormat | undefined {
  return formats[extname(path.replace(/\.(nii|hdr|img)\.gz$/i, ".$1")).toLowerCase()];
}

async function formatOfFile(path: string): Promise<ImageFormat> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const byName = isFolder ? undefined : formatOf(path);
  if (byName) return byName;
  if (isFolder || /\.(dcm|dicom|ima)$/i.test(path) || isDicom((await readPrefix(path, 256)).bytes)) return dicom;
  throw unknown(path);
}

function unknown(path: string): UnsupportedError {
  const known = `use one of ${Object.keys(formats).join(" ")}, .nii.gz`;
  return new UnsupportedError(`the image format of ${path}`, known);
}
