import { elementCount, type Geometry, ShapeMismatchError, type VolumeShape } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import { compressedChunks } from "../files/byte-chunks.ts";
import { bytesOfArray } from "../voxels/stored-voxels.ts";
import { niftiCodeOf } from "./nifti-data-types.ts";
import { encodeNiftiHeader } from "./nifti-header.ts";
import { niftiVersionFor } from "./nifti-parts.ts";

/**
 * Writes a `.nii` or `.nii.gz` of float32 channels that are made one after the other, so that the image never lies in memory
 * as a whole. The same file as `writeImage` makes of all of them.
 *
 * @param shape - [channel, z, y, x]
 * @param values - in C order over `shape`, in pieces of any length
 * @throws {ShapeMismatchError} if there are more or fewer values; nothing is left behind
 * @throws {FileError} if the disk is full or the folder cannot be written
 */
export async function writeNiftiChannels(
  path: string,
  { shape, geometry }: { readonly shape: VolumeShape; readonly geometry: Geometry },
  values: AsyncIterable<Float32Array>,
): Promise<void> {
  const header = encodeNiftiHeader(shape, geometry, niftiCodeOf(new Float32Array(0)), niftiVersionFor(shape));
  const chunks = async function* () {
    yield header;
    let count = 0;
    for await (const piece of values) {
      count += piece.length;
      yield bytesOfArray(piece);
    }
    if (count !== elementCount(shape)) throw new ShapeMismatchError(`channels for ${path}`, shape, [count]);
  };
  await writeChunksAtomic(path, /\.gz$/i.test(path) ? compressedChunks(chunks(), "gzip", 1) : chunks());
}
