import { writeChunksAtomic } from "@nnunet/core/node";
import { readPrefix, readRest } from "../files/bounded-file.ts";
import { compressedChunks, slices } from "../files/byte-chunks.ts";
import { copyOrdinaryFile } from "../files/copy-file.ts";
import { promiseOf } from "../image-info.ts";
import { isPairName, pairName } from "./nifti-pair.ts";
import { readNiftiHeader } from "./read-nifti.ts";

/**
 * Copies a NIfTI image, both files of a pair, byte by byte except that what is called `.gz` is compressed and what is
 * not is not.
 *
 * @returns false if one name is that of a pair and the other is not: then it has to be read and written
 */
export async function copyNifti(from: string, to: string): Promise<boolean> {
  if (isPairName(from) !== isPairName(to)) return false;
  const { header, headerPath, voxelPath } = await readNiftiHeader(from);
  const { shape, dataType, voxelOffset, voxelBytes } = header;
  const voxels = { length: voxelOffset + voxelBytes, promise: promiseOf(shape, dataType.name) };
  if (headerPath === voxelPath) await copyPacked(from, to, voxels);
  else {
    await copyPacked(voxelPath, pairName(to, "img"), voxels);
    await copyPacked(headerPath, pairName(to, "hdr"));
  }
  return true;
}

/** Largest header file that is packed or unpacked: 348 or 540 bytes, and extensions. */
const largestHeaderFile = 2 ** 20;

async function copyPacked(from: string, to: string, whole?: { length: number; promise: string }): Promise<void> {
  const pack = /\.gz$/i.test(to);
  if ((await readPrefix(from, 2)).compressed === pack) return copyOrdinaryFile(from, to);
  const bytes = whole
    ? new Uint8Array(await readRest(from, 0, whole.length, whole.promise))
    : (await readPrefix(from, largestHeaderFile)).bytes;
  await writeChunksAtomic(to, pack ? compressedChunks(slices([bytes]), "gzip", 1) : slices([bytes]));
}

/** What a file's name says of its compression and its bytes do not; undefined where the two agree. */
export async function packedOtherwise(path: string): Promise<string | undefined> {
  const { compressed } = await readPrefix(path, 2);
  if (compressed === /\.gz$/i.test(path)) return undefined;
  return compressed
    ? "the name does not end in .gz, but the bytes are compressed"
    : "the name ends in .gz, but the bytes are not compressed";
}
