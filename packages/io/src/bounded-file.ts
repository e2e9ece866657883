import { constants as bufferLimits } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { ImageFileError } from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";

/*
 * Bytes out of a file that may be gzip-compressed, never more than was asked for. A gzip file is recognised by its
 * first two bytes, not by its name. zlib checks the CRC and the length at the end of each gzip member.
 */

/** DEFLATE cannot do better: 258 bytes from two bits. A header that promises more than this lies. */
const largestGzipRatio = 1032;
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
    for await (const chunk of gunzipped(path, handle, 16384)) {
      parts.push(chunk);
      have += chunk.length;
      if (have >= length) break;
    }
    return { bytes: Buffer.concat(parts).subarray(0, length), fileSize, compressed };
  });
}

/**
 * The bytes from `start` to the end of the file, which must be exactly `length`; decompressed if need be.
 *
 * @param promise - what says so, for the error: "the header promises 4 × 5 × 6 voxels of int16"
 * @throws {ImageFileError} if the file holds fewer or more bytes, or the gzip stream is damaged or cut off
 */
export async function readRest(path: string, start: number, length: number, promise: string): Promise<ArrayBuffer> {
  const end = start + length;
  return withFile(path, async (handle, fileSize, compressed) => {
    const available = compressed ? fileSize * largestGzipRatio : fileSize;
    if (available < end) {
      const has = compressed ? `at most ${available} bytes once decompressed` : `${fileSize} bytes`;
      throw new ImageFileError(
        path,
        "",
        `${promise}, which needs ${end} bytes, but the file has ${has}; it is cut off or its header is wrong, get it again`,
      );
    }
    if (!compressed && fileSize > end) throw tooLong(path, promise, end, `${fileSize} bytes`);
    const buffer = allocate(path, length, promise);
    const bytes = new Uint8Array(buffer);
    if (!compressed) {
      for (let at = 0; at < length; ) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(readChunk, length - at), start + at);
        if (bytesRead === 0) throw tooShort(path, promise, end, start + at);
        at += bytesRead;
      }
      return buffer;
    }
    let at = 0;
    for await (const chunk of gunzipped(path, handle, 256 * 1024)) {
      const next = at + chunk.length;
      if (next > end) throw tooLong(path, promise, end, "more");
      if (next > start) {
        const skip = Math.max(0, start - at);
        bytes.set(skip === 0 ? chunk : chunk.subarray(skip), at + skip - start);
      }
      at = next;
    }
    if (at < end) throw tooShort(path, promise, end, at);
    return buffer;
  });
}

async function withFile<T>(
  path: string,
  use: (handle: FileHandle, size: number, compressed: boolean) => Promise<T>,
): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stat = await handle.stat();
    if (stat.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR", syscall: "read" });
    if (!stat.isFile()) throw new ImageFileError(path, "", "not an ordinary file (a device or a pipe)");
    if (stat.size === 0) throw new ImageFileError(path, "", "the file is empty; get it again");
    const magic = Buffer.alloc(2);
    await handle.read(magic, 0, 2, 0);
    return await use(handle, stat.size, magic[0] === 0x1f && magic[1] === 0x8b);
  } catch (error) {
    throw describeFileError(path, "could not be read", error);
  } finally {
    await handle?.close();
  }
}

async function* gunzipped(path: string, handle: FileHandle, chunkSize: number): AsyncGenerator<Buffer> {
  const source = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: chunkSize });
  const gunzip = createGunzip({ chunkSize });
  source.on("error", (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "Z_BUF_ERROR") {
      throw new ImageFileError(path, "", "the gzip data end early; the file is cut off, get it again", {
        cause: error,
      });
    }
    if (code?.startsWith("Z_")) {
      const what = (error as Error).message;
      throw new ImageFileError(path, "", `the gzip data are damaged (${what}); get the file again`, { cause: error });
    }
    throw error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

function allocate(path: string, length: number, promise: string): ArrayBuffer {
  const gib = (length / 2 ** 30).toFixed(1);
  if (length > bufferLimits.MAX_LENGTH) {
    throw new ImageFileError(path, "", `${promise}, ${gib} GiB, more than this version of Node can hold in one array`);
  }
  try {
    return new ArrayBuffer(length);
  } catch (error) {
    throw new ImageFileError(path, "", `${promise}, and there is no memory for its ${gib} GiB`, { cause: error });
  }
}

function tooShort(path: string, promise: string, end: number, got: number): ImageFileError {
  return new ImageFileError(
    path,
    "",
    `${promise}, which needs ${end} bytes, but there are ${got}; the file is cut off, get it again`,
  );
}

function tooLong(path: string, promise: string, end: number, got: string): ImageFileError {
  return new ImageFileError(
    path,
    "",
    `${promise}, which needs ${end} bytes, but there are ${got}; the header is wrong or something was appended`,
  );
}
