import type { Volume } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import { compressedChunks, slices } from "../files/byte-chunks.ts";
import type { WriteImageOptions } from "../image-format.ts";
import { isPairName, pairName } from "./nifti-pair.ts";
import { niftiParts } from "./nifti-parts.ts";

/**
 * Writes `.nii`, `.nii.gz`, or the pair `.hdr` + `.img`, in the array's own data type, without scaling.
 *
 * The file appears under its name only when it is complete. Geometry that was read from a NIfTI file is written bit
 * for bit.
 *
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 */
export async function writeNifti(path: string, volume: Volume, options: WriteImageOptions = {}): Promise<void> {
  const { version, compression = 1 } = options;
  const isPair = isPairName(path);
  const gz = /\.gz$/i.test(path);
  const [header, voxels] = niftiParts(volume, version, isPair);
  const write = (to: string, parts: Uint8Array[]) =>
    writeChunksAtomic(to, gz ? compressedChunks(slices(parts), "gzip", compression) : slices(parts));
  if (!isPair) return write(path, [header, voxels]);
  // The voxels first: a header without its voxels would look like a file, voxels without their header do not.
  await write(pairName(path, "img"), [voxels]);
  await write(pairName(path, "hdr"), [header]);
}
