import { type FileError, UnsupportedError, type Volume } from "@nnunet/core";
import type { ImageInfo } from "./image-info.ts";
import { readNifti, readNiftiInfo } from "./read-nifti.ts";
import { type WriteNiftiOptions, writeNifti } from "./write-nifti.ts";

const niftiEnding = /\.(nii|hdr|img)(\.gz)?$/i;

/**
 * Reads an image of any supported format; the ending of its name says which.
 *
 * @returns voxels as stored, [channel, z, y, x] with x the file's fastest axis, never reoriented
 * @throws {FileError} if the file is missing or unreadable
 * @throws {ImageFileError} if it is damaged or its header makes no sense; names the field
 * @throws {UnsupportedError} for an ending that belongs to no supported format
 * @example (await readImage("hippocampus_001.nii.gz")).shape; // [1, 35, 51, 35]
 */
export async function readImage(path: string): Promise<Volume> {
  if (niftiEnding.test(path)) return readNifti(path);
  throw unsupported(path);
}

/** Shape, geometry and type without reading the voxels, where the format allows. Errors as {@link readImage}. */
export async function readImageInfo(path: string): Promise<ImageInfo> {
  if (niftiEnding.test(path)) return readNiftiInfo(path);
  throw unsupported(path);
}

export type WriteImageOptions = WriteNiftiOptions;

/**
 * Writes an image in the format that the ending of `path` names, in the array's own data type.
 *
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 * @throws {UnsupportedError} for an ending that belongs to no supported format
 */
export async function writeImage(path: string, volume: Volume, options: WriteImageOptions = {}): Promise<void> {
  if (niftiEnding.test(path)) return writeNifti(path, volume, options);
  throw unsupported(path);
}

function unsupported(path: string): UnsupportedError | FileError {
  return new UnsupportedError(`the image format of ${path}`, "use .nii.gz");
}
