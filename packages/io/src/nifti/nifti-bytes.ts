import { createVolume, ImageFileError, type Volume } from "@nnunet/core";
import { largestRatio, tooLong, tooShort } from "../files/promised-size.ts";
import type { ReadImageOptions } from "../image-format.ts";
import { promiseOf } from "../image-info.ts";
import { largestHeader, type NiftiHeader, parseNiftiHeader } from "./nifti-header.ts";
import { niftiParts } from "./nifti-parts.ts";
import { decodeVoxels } from "./nifti-voxels.ts";

/**
 * Reads the bytes of a `.nii` or `.nii.gz` (the first two say which), with all checks of a file: what `readImage` gives,
 * where there are no files. Decompressed by the platform's `DecompressionStream`, piece by piece.
 *
 * @param source - such as the `File` that a page was given
 * @param name - of the image, for errors
 * @returns voxels as stored, [channel, z, y, x]
 * @throws {ImageFileError} naming the field that is wrong, or saying that the bytes are cut off or damaged
 * @example const image = await readNiftiBytes(input.files[0], input.files[0].name);
 */
export async function readNiftiBytes(
  source: Blob | Uint8Array<ArrayBuffer>,
  name: string,
  { onWarning }: Pick<ReadImageOptions, "onWarning"> = {},
): Promise<Volume> {
  const blob = source instanceof Uint8Array ? new Blob([source]) : source;
  if (blob.size === 0) throw new ImageFileError(name, "", "the file is empty; get it again");
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const isGzip = first === 0x1f && second === 0x8b;
  const chunks = chunksOf(blob, name, isGzip);
  try {
    return await readChunks(chunks, name, blob.size * (isGzip ? largestRatio : 1), onWarning);
  } finally {
    await chunks.return();
  }
}

/**
 * The file of an image as bytes, in the array's own data type, without scaling; written by the same code as `.nii.gz` files.
 *
 * @param options - `gzip`: compressed, true by default; `version` as for `writeImage`
 * @example link.href = URL.createObjectURL(await encodeNifti(segmentation));
 */
export async function encodeNifti(
  volume: Volume,
  { gzip = true, version }: { readonly gzip?: boolean; readonly version?: 1 | 2 } = {},
): Promise<Blob> {
  const plain = new Blob([...niftiParts(volume, version)]);
  return gzip ? new Response(plain.stream().pipeThrough(new CompressionStream("gzip"))).blob() : plain;
}

type Chunks = AsyncGenerator<Uint8Array, void>;

async function* chunksOf(blob: Blob, name: string, isGzip: boolean): Chunks {
  const plain = blob.stream();
  const reader = (isGzip ? plain.pipeThrough(new DecompressionStream("gzip")) : plain).getReader();
  const next = () =>
    reader.read().catch((error: Error) => {
      const problem = isGzip
        ? `the gzip data are damaged, cut off or in several parts (${error.message}); get the file again, or decompress it`
        : `could not be read (${error.message}); choose the file again`;
      throw new ImageFileError(name, "", problem, { cause: error });
    });
  try {
    for (let chunk = await next(); !chunk.done; chunk = await next()) yield chunk.value;
  } finally {
    await reader.cancel().catch(() => {}); // of a stream that has failed
  }
}

/** Header first, then so many voxels as it promises, and not one byte more. */
async function readChunks(
  chunks: Chunks,
  name: string,
  most: number,
  onWarning: ReadImageOptions["onWarning"],
): Promise<Volume> {
  const begun = await readBeginning(chunks);
  const header = parseNiftiHeader(begun.subarray(0, largestHeader), name);
  for (const warning of header.warnings) onWarning?.({ path: name, ...warning });
  if (header.pair) {
    const problem = `the header belongs to an .hdr/.img pair ("ni${header.version}"); convert it to one .nii`;
    throw new ImageFileError(name, "magic", problem);
  }
  const { shape, dataType, voxelOffset, voxelBytes } = header;
  const promise = promiseOf(shape, dataType.name);
  const end = voxelOffset + voxelBytes;
  if (most < end) throw tooShort(name, promise, end, `at most ${most}`);
  const voxels = allocate(name, header, promise);
  let at = 0;
  const take = (chunk: Uint8Array) => {
    if (at + chunk.length > end) throw tooLong(name, promise, end, "more");
    const skipped = Math.min(chunk.length, Math.max(0, voxelOffset - at));
    if (skipped < chunk.length) voxels.set(chunk.subarray(skipped), at + skipped - voxelOffset);
    at += chunk.length;
  };
  take(begun);
  for await (const chunk of chunks) take(chunk);
  if (at < end) throw tooShort(name, promise, end, String(at));
  return createVolume(decodeVoxels(voxels.buffer, header, name), shape, header.geometry);
}

/** At least as much as a header takes, if there is so much. */
async function readBeginning(chunks: Chunks): Promise<Uint8Array> {
  let bytes = new Uint8Array(0);
  while (bytes.length < largestHeader) {
    const { done, value } = await chunks.next();
    if (done) break;
    const longer = new Uint8Array(bytes.length + value.length);
    longer.set(bytes);
    longer.set(value, bytes.length);
    bytes = longer;
  }
  return bytes;
}

function allocate(name: string, { voxelBytes }: NiftiHeader, promise: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(voxelBytes);
  } catch (error) {
    const gib = (voxelBytes / 2 ** 30).toFixed(1);
    throw new ImageFileError(name, "", `${promise}, and there is no memory for its ${gib} GiB`, { cause: error });
  }
}
