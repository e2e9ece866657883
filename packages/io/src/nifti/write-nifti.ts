import { InvalidArgumentError, type Volume } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import { bytesOfArray, compressedChunks, slices } from "../files/byte-chunks.ts";
import type { WriteImageOptions } from "../image-format.ts";
import { isPairName, pairName } from "./nifti-pair.ts";
import { niftiCodeOf } from "./nifti-data-types.ts";
import { encodeNiftiHeader } from "./nifti-header.ts";

/**
 * Writes `.nii`, `.nii.gz`, or the pair `.hdr` + `.img`, in the array's own data type, without scaling.
 *
 * The file appears under its name only when it is complete. Geometry that was read from a NIfTI file is written bit
 * for bit.
 *
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 */
export async function writeNifti(path: string, volume: Volume, options: WriteImageOptions = {}): Promise<void> {
  const [channels, nz, ny, nx] = volume.shape;
  const { version = Math.max(channels, nz, ny, nx) > 32767 ? 2 : 1, compression = 1 } = options;
  if (version === 1 && Math.max(channels, nz, ny, nx) > 32767) {
    throw new InvalidArgumentError("version", "2 for an axis of more than 32767 voxels", version);
  }
  const isPair = isPairName(path);
  const gz = /\.gz$/i.test(path);
  const { data } = volume;
  const header = encodeNiftiHeader(volume.shape, volume.geometry, niftiCodeOf(data), version, isPair);
  const voxels = bytesOfArray(data);
  const write = (to: string, parts: Uint8Array[]) =>
    writeChunksAtomic(to, gz ? compressedChunks(slices(parts), "gzip", compression) : slices(parts));
  if (!isPair) return write(path, [header, voxels]);
  // The voxels first: a header without its voxels would look like a file, voxels without their header do not.
  await write(pairName(path, "img"), [voxels]);
  await write(pairName(path, "hdr"), [header]);
}
