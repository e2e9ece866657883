import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { InvalidArgumentError, type Volume } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import { niftiCodeOf } from "./nifti-data-types.ts";
import { encodeNiftiHeader } from "./nifti-header.ts";

export interface WriteNiftiOptions {
  /** 1 by default, 2 where an axis has more voxels than NIfTI-1 can say (32,767). */
  readonly version?: 1 | 2;
  /** zlib level for `.gz`, 1 by default: five times faster than 6 for files 8 % larger (see README). */
  readonly compression?: number;
}

const slice = 2 ** 20;

/**
 * Writes `.nii`, `.nii.gz`, or the pair `.hdr` + `.img`, in the array's own data type, without scaling.
 *
 * The file appears under its name only when it is complete. Geometry that was read from a NIfTI file is written bit
 * for bit.
 *
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 */
export async function writeNifti(path: string, volume: Volume, options: WriteNiftiOptions = {}): Promise<void> {
  const [channels, nz, ny, nx] = volume.shape;
  const { version = Math.max(channels, nz, ny, nx) > 32767 ? 2 : 1, compression = 1 } = options;
  if (version === 1 && Math.max(channels, nz, ny, nx) > 32767) {
    throw new InvalidArgumentError("version", "2 for an axis of more than 32767 voxels", version);
  }
  const isPair = /\.(hdr|img)(\.gz)?$/i.test(path);
  const gz = /\.gz$/i.test(path);
  const { data } = volume;
  const header = encodeNiftiHeader(volume.shape, volume.geometry, niftiCodeOf(data), version, isPair);
  const voxels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const write = (to: string, parts: Uint8Array[]) =>
    writeChunksAtomic(to, gz ? gzipped(slices(parts), compression) : slices(parts));
  if (!isPair) return write(path, [header, voxels]);
  // The voxels first: a header without its voxels would look like a file, voxels without their header do not.
  await write(path.replace(/(hdr|img)((\.gz)?)$/i, "img$2"), [voxels]);
  await write(path.replace(/(hdr|img)((\.gz)?)$/i, "hdr$2"), [header]);
}

function* slices(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += slice) yield part.subarray(at, at + slice);
  }
}

async function* gzipped(chunks: Iterable<Uint8Array>, level: number): AsyncGenerator<Uint8Array> {
  const gzip = createGzip({ level, chunkSize: 256 * 1024 });
  const done = pipeline(Readable.from(chunks), gzip);
  done.catch(() => {}); // it reaches the caller through the loop below
  for await (const chunk of gzip) yield chunk as Uint8Array;
  await done;
}
