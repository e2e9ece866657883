import { constants as bufferLimits } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { createGunzip, createInflate } from "node:zlib";
import { ImageFileError } from "@nnunet/core";
import { describeFileError, openRegularFile } from "@nnunet/core/node";
import { memoryFor } from "../voxels/memory-for.ts";
import { largestRatio, tooLong, tooShort } from "./promised-size.ts";

/*
 * Bytes out of a file that may be compressed, never more than was asked for. zlib checks the checksum and the length at
 * the end of each stream.
 */

const readChunk = 64 * 2 ** 20;

export interface Prefix {
  /** Up to the number of bytes asked for; fewer if the file is shorter. Decompressed. */
  readonly bytes: Buffer;
  /** Size of the file on disk. */
  readonly fileSize: number;
  readonly compressed: boolean;
}

/**
 * The first bytes of a file, decompressed if need be.
 *
 * @throws {FileError} if the file is missing, a folder or unreadable
 * @throws {ImageFileError} if the gzip stream is damaged so early
 */
export async function readPrefix(path: string, length: number): Promise<Prefix> {
  return withFile(path, async (handle, fileSize, compressed) => {
    if (!compressed) {
      const buffer = Buffer.alloc(Math.min(length, fileSize));
      await handle.read(buffer, 0, buffer.length, 0);
      return { bytes: buffer, fileSize, compressed };
    }
    const parts: Buffer[] = [];
    let have = 0;
    for await (const chunk of decompressed(path, handle, "gzip", 0, 16384)) {
      parts.push(chunk);
      have += chunk.length;
      if (have >= length) break;
    }
    return { bytes: Buffer.concat(parts).subarray(0, length), fileSize, compressed };
  });
}

/**
 * A whole file as it is on disk; for picture formats, whose readers need all of it.
 *
 * @throws {ImageFileError} if it is larger than 2 GiB
 */
export async function readWhole(path: string): Promise<Buffer> {
  return withFile(path, async (handle, fileSize) => {
    if (fileSize > 2 ** 31)
      throw new ImageFileError(path, "", `its ${fileSize} bytes are more than a picture file can have`);
    const promise = "the file system promises a file";
    return Buffer.from(await readPlain(path, handle, fileSize, 0, fileSize, promise));
  });
}

/** How voxels lie in a file. "auto": the whole file is gzip-compressed if its first two bytes say so. */
export type Compression = "auto" | "none" | "gzip" | "zlib";

export interface RestOptions {
  readonly isFollowed?: boolean;
  readonly before?: number | "unknown";
}

/** What may stand before compressed voxels, if nobody says how much. */
const mostBefore = 2 ** 20;

/**
 * What may stand before compressed voxels, and behind them, at all: it has to be decompressed to be passed over, and 4 MB
 * hold 4 GB of zeros. The largest notes of other programs have some megabytes.
 */
const mostAround = 64 * 2 ** 20;

/**
 * The bytes from `start` to the end of the file, which must be exactly `length`; decompressed if need be.
 *
 * @param start - where they begin: after decompression for "auto", in the file for the others
 * @param promise - what says so, for the error: "the header promises 4 × 5 × 6 voxels of int16"
 * @param options - `isFollowed`: other bytes may follow, which are passed over; `before`: for "gzip" and "zlib", how many
 *   decompressed bytes come first and are passed over, "unknown" if the voxels are whatever comes last
 * @throws {ImageFileError} if the file holds fewer or more bytes, or the compressed data are damaged or cut off
 */
export async function readRest(
  path: string,
  start: number,
  length: number,
  promise: string,
  compression: Compression = "auto",
  { isFollowed = false, before = 0 }: RestOptions = {},
): Promise<ArrayBuffer> {
  return withFile(path, async (handle, fileSize, isGzip) => {
    if (compression === "none" || (compression === "auto" && !isGzip)) {
      const end = start + length;
      const size = isFollowed ? Math.min(fileSize, end) : fileSize;
      if (compression === "auto") return readPlain(path, handle, size, start, length, promise);
      return readPlain(path, handle, await sizeWithoutNewline(handle, size, end), start, length, promise, start);
    }
    const kind = compression === "zlib" ? "zlib" : "gzip";
    if (before === "unknown") return readLast(path, decompressed(path, handle, kind, start, 2 ** 20), length, promise);
    const [from, skip] = compression === "auto" ? [0, start] : [start, before];
    const most = Math.max(0, fileSize - from) * largestRatio;
    if (most < skip + length) throw tooShort(path, promise, skip + length, `at most ${most} once decompressed`);
    if (skip > mostAround) {
      const problem = `the header has ${skip} bytes before the compressed voxels, at most ${mostAround} are passed over; the header is wrong`;
      throw new ImageFileError(path, "", problem);
    }
    const buffer = allocate(path, length, promise);
    const bytes = new Uint8Array(buffer);
    const end = skip + length;
    let at = 0;
    // Large pieces: 4 MiB costs a fifth less CPU time than 256 KiB (bench/read-nifti.bench.mjs).
    for await (const chunk of decompressed(path, handle, kind, from, Math.min(end + 1, 4 * 2 ** 20))) {
      const next = at + chunk.length;
      if (next > end && !isFollowed) throw tooLong(path, promise, end, "more");
      if (next > end + mostAround) throw tooLong(path, promise, end, `over ${mostAround} more`);
      if (next > skip && at < end) {
        const [first, last] = [Math.max(0, skip - at), Math.min(chunk.length, end - at)];
        bytes.set(first === 0 && last === chunk.length ? chunk : chunk.subarray(first, last), at + first - skip);
      }
      at = next;
    }
    if (at < end) throw tooShort(path, promise, end, String(at));
    return buffer;
  });
}

/**
 * Refuses a file that cannot hold the bytes that are promised, by its size alone: it is cut off, or its header lies. What is
 * compressed may still turn out to be too short.
 *
 * @throws {ImageFileError} as {@link readRest}
 */
export async function refuseTooShort(
  path: string,
  start: number,
  length: number,
  promise: string,
  compression: Compression = "auto",
): Promise<void> {
  await withFile(path, async (_, fileSize, isGzip) => {
    const [from, needed] = compression === "auto" ? [0, start + length] : [start, length];
    const there = Math.max(0, fileSize - from);
    const isPlain = compression === "none" || (compression === "auto" && !isGzip);
    const most = isPlain ? there : there * largestRatio;
    if (most >= needed) return;
    throw tooShort(path, promise, needed, isPlain ? String(there) : `at most ${most} once decompressed`);
  });
}

/** Some writers end a file with a newline, which is no voxel. */
async function sizeWithoutNewline(handle: FileHandle, fileSize: number, end: number): Promise<number> {
  if (fileSize !== end + 1 && fileSize !== end + 2) return fileSize;
  const last = Buffer.alloc(fileSize - end);
  await handle.read(last, 0, last.length, end);
  return /^\r?\n$/.test(last.toString("latin1")) ? end : fileSize;
}

/** The last bytes of a stream, before which there may be a header of some other format. */
async function readLast(
  path: string,
  chunks: AsyncIterable<Buffer>,
  length: number,
  promise: string,
): Promise<ArrayBuffer> {
  const buffer = allocate(path, length + mostBefore, promise);
  const bytes = new Uint8Array(buffer);
  let at = 0;
  for await (const chunk of chunks) {
    if (at + chunk.length > bytes.length) throw tooLong(path, promise, length, `over ${mostBefore} more`);
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < length) throw tooShort(path, promise, length, String(at));
  return buffer.slice(at - length, at);
}

/**
 * Where the data begin if so many lines of text come first, which are not compressed.
 *
 * @throws {ImageFileError} if there are fewer lines in the next mebibyte
 */
export async function skipLines(path: string, start: number, lines: number): Promise<number> {
  if (lines === 0) return start;
  return withFile(path, async (handle, fileSize) => {
    const text = Buffer.alloc(Math.min(mostBefore, Math.max(0, fileSize - start)));
    await handle.read(text, 0, text.length, start);
    let at = 0;
    for (let line = 0; line < lines; line++) {
      const newline = text.indexOf(10, at);
      if (newline < 0) throw new ImageFileError(path, "line skip", `there are no ${lines} lines to pass over`);
      at = newline + 1;
    }
    return start + at;
  });
}

/**
 * Voxels that are written as text.
 *
 * @param most - bytes that they can have at all; more is refused
 */
export async function readText(path: string, start: number, most: number, promise: string): Promise<string> {
  return withFile(path, async (handle, fileSize) => {
    const length = fileSize - start;
    if (length > Math.min(most, bufferLimits.MAX_STRING_LENGTH)) {
      throw tooLong(path, promise, most, `${length} bytes of text`);
    }
    const bytes = await readPlain(path, handle, fileSize, start, Math.max(0, length), promise, start);
    return Buffer.from(bytes).toString("latin1");
  });
}

async function readPlain(
  path: string,
  handle: FileHandle,
  fileSize: number,
  start: number,
  length: number,
  promise: string,
  countedFrom = 0,
): Promise<ArrayBuffer> {
  const end = start + length;
  const [needed, there] = [end - countedFrom, String(Math.max(0, fileSize - countedFrom))];
  if (fileSize < end) throw tooShort(path, promise, needed, there);
  if (fileSize > end) throw tooLong(path, promise, needed, there);
  const buffer = allocate(path, length, promise);
  const bytes = new Uint8Array(buffer);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(readChunk, length - at), start + at);
    if (bytesRead === 0) throw tooShort(path, promise, needed, String(start + at - countedFrom));
    at += bytesRead;
  }
  return buffer;
}

/** Opens an ordinary, non-empty file for `use`, and closes it; errors of the system become ours. */
export async function withFile<T>(
  path: string,
  use: (handle: FileHandle, size: number, compressed: boolean) => Promise<T>,
): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    const opened = await openRegularFile(path);
    handle = opened.handle;
    const { size } = opened.stats;
    if (size === 0) throw new ImageFileError(path, "", "the file is empty; get it again");
    const magic = Buffer.alloc(2);
    await handle.read(magic, 0, 2, 0);
    return await use(handle, size, magic[0] === 0x1f && magic[1] === 0x8b);
  } catch (error) {
    throw describeFileError(path, "could not be read", error);
  } finally {
    await handle?.close();
  }
}

async function* decompressed(
  path: string,
  handle: FileHandle,
  kind: "gzip" | "zlib",
  start: number,
  chunkSize: number,
): AsyncGenerator<Buffer> {
  chunkSize = Math.max(chunkSize, 1024);
  const source = handle.createReadStream({ start, autoClose: false, highWaterMark: Math.min(chunkSize, 2 ** 20) });
  const inflate = kind === "gzip" ? createGunzip({ chunkSize }) : createInflate({ chunkSize });
  source.on("error", (error) => inflate.destroy(error));
  source.pipe(inflate);
  try {
    for await (const chunk of inflate) yield chunk as Buffer;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (!code?.startsWith("Z_")) throw error;
    const problem =
      code === "Z_BUF_ERROR"
        ? `the ${kind} data end early; the file is cut off, get it again`
        : `the ${kind} data are damaged (${(error as Error).message}); get the file again`;
    throw new ImageFileError(path, "", problem, { cause: error });
  } finally {
    source.destroy();
    inflate.destroy();
  }
}

/**
 * {@link memoryFor} what a file promises.
 *
 * @throws {ImageFileError} also if it is more than Node can hold in one array
 */
function allocate(path: string, length: number, promise: string): ArrayBuffer {
  if (length > bufferLimits.MAX_LENGTH) {
    const gib = (length / 2 ** 30).toFixed(1);
    throw new ImageFileError(path, "", `${promise}, ${gib} GiB, more than this version of Node can hold in one array`);
  }
  return memoryFor(path, length, promise);
}
