import { basename, dirname } from "node:path";
import { createVolume, ImageFileError, type Volume } from "@nnunet/core";
import { readPrefix, readRest, refuseTooShort } from "../files/bounded-file.ts";
import { leadsOut } from "../files/inside-folder.ts";
import type { ReadImageOptions } from "../image-format.ts";
import { type ImageInfo, promiseOf } from "../image-info.ts";
import { isPairName, pairFile } from "./nifti-pair.ts";
import { decodeVoxels, scaledType } from "./nifti-voxels.ts";
import { largestHeader, type NiftiHeader, parseNiftiHeader } from "./nifti-header.ts";
import { arrayTypeOf } from "../voxels/stored-voxels.ts";

/**
 * Reads a NIfTI-1 or NIfTI-2 image: `.nii`, `.nii.gz`, or either file of an `.hdr`/`.img` pair.
 *
 * Nothing is reoriented: [channel, z, y, x] is the file's own order. The 4th axis (or the 5th, or RGB) becomes the
 * channels. Stored integers keep their type; 64-bit ones become float64 and are refused beyond ±2⁵³; scaled values
 * become float32 (float64 if stored in 32 bits or more).
 *
 * @throws {ImageFileError} naming the field that is wrong, or saying that the file is cut off or damaged
 * @throws {FileError} if the file is missing or unreadable
 */
export async function readNifti(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  const { header, voxelPath } = await readNiftiHeader(path, options);
  const { shape, dataType, voxelOffset, voxelBytes } = header;
  const promise = promiseOf(shape, dataType.name);
  const buffer = await readRest(voxelPath, voxelOffset, voxelBytes, promise);
  return createVolume(decodeVoxels(buffer, header, path), shape, header.geometry);
}

/** The header alone. Errors as {@link readNifti}; of the voxels only whether the file is large enough for them is looked at. */
export async function readNiftiInfo(path: string, options: ReadImageOptions = {}): Promise<ImageInfo> {
  const { header, voxelPath } = await readNiftiHeader(path, options);
  const { shape, dataType, voxelOffset, voxelBytes } = header;
  await refuseTooShort(voxelPath, voxelOffset, voxelBytes, promiseOf(shape, dataType.name));
  return {
    shape,
    geometry: header.geometry,
    dataType: header.scaling ? scaledType(header) : arrayTypeOf(header.dataType.stored),
    format: `NIfTI-${header.version}`,
  };
}

/**
 * The header, and the files that it and the voxels lie in; of a pair both must lie in the same folder, also after links.
 */
export async function readNiftiHeader(
  path: string,
  { onWarning }: ReadImageOptions = {},
): Promise<{ header: NiftiHeader; headerPath: string; voxelPath: string }> {
  const isPair = isPairName(path);
  const headerPath = isPair ? await pairFile(path, "hdr") : path;
  const voxelPath = isPair ? await pairFile(path, "img") : path;
  const other = path === headerPath ? voxelPath : headerPath;
  if (isPair && (await leadsOut(dirname(path), other)) && !(await leadsOut(dirname(path), path))) {
    throw new ImageFileError(path, "", `${basename(other)}, its other half, is a link that leads out of the folder`);
  }
  const { bytes } = await readPrefix(headerPath, largestHeader);
  const header = parseNiftiHeader(bytes, headerPath);
  for (const warning of header.warnings) onWarning?.({ path: headerPath, ...warning });
  if (header.pair !== isPair) {
    const problem = isPair
      ? `the header says that the voxels follow in this file ("n+${header.version}"); rename it to .nii`
      : `the header belongs to an .hdr/.img pair ("ni${header.version}"); rename it to .hdr, beside its .img`;
    throw new ImageFileError(headerPath, "magic", problem);
  }
  return { header, headerPath, voxelPath };
}
