import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { createInflateRaw } from "node:zlib";
import { describeFileError, openRegularFile } from "@nnunet/core/node";
import { type ByteSource, cutOff } from "./byte-source.ts";
import type { DicomFile, Inflated } from "./dicom-file.ts";
import { inflateFailure } from "./memory-file.ts";

/** A file that is read piece by piece where its bytes are needed. */
export function diskFile(path: string): DicomFile {
  return {
    path,
    name: basename(path),
    open: (use) => withDiskFile(path, use),
    inflate: (p, n) => inflated(path, p, n),
  };
}

async function withDiskFile<T>(path: string, use: (source: ByteSource) => T | Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    const opened = await openRegularFile(path);
    handle = opened.handle;
    return await use(fileSource(path, handle.fd, opened.stats.size));
  } catch (error) {
    throw describeFileError(path, "could not be read", error);
  } finally {
    await handle?.close();
  }
}

/** Elements lie close together: one read of this size finds dozens. */
const windowBytes = 64 * 1024;
/** Linux reads no more than 2 GiB at once. */
const largestRead = 2 ** 30;

/** @param fd - an open ordinary file; it stays the caller's to close */
function fileSource(path: string, fd: number, length: number): ByteSource {
  const window = new Uint8Array(Math.min(windowBytes, length));
  let start = 0;
  let end = 0;
  const fill = (target: Uint8Array, at: number): void => {
    for (let done = 0; done < target.length; ) {
      const got = readSync(fd, target, done, Math.min(largestRead, target.length - done), at + done);
      if (got === 0) throw cutOff(path);
      done += got;
    }
  };
  const check = (at: number, count: number): void => {
    if (at + count > length) throw cutOff(path);
  };
  const source: ByteSource = {
    path,
    length,
    window,
    locate: (at, count) => {
      if (at < start || at + count > end) {
        check(at, count);
        start = at;
        end = Math.min(length, at + window.length);
        fill(window.subarray(0, end - start), at);
      }
      return at - start;
    },
    view: (at, count) => {
      if (count > window.length) return source.copy(at, count);
      const from = source.locate(at, count);
      return window.subarray(from, from + count);
    },
    copy: (at, count) => {
      check(at, count);
      const bytes = new Uint8Array(count);
      fill(bytes, at);
      return bytes;
    },
    into: (target, at) => {
      check(at, target.length);
      fill(target, at);
    },
  };
  return source;
}

async function inflated(path: string, packed: Uint8Array, limit: number): Promise<Inflated> {
  const inflate = createInflateRaw({ chunkSize: 256 * 1024 });
  const parts: Buffer[] = [];
  let have = 0;
  inflate.end(packed);
  try {
    for await (const chunk of inflate) {
      parts.push(chunk as Buffer);
      have += (chunk as Buffer).length;
      if (have >= limit) return { bytes: Buffer.concat(parts), complete: false };
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (!code?.startsWith("Z_")) throw error;
    const isShort = code === "Z_BUF_ERROR";
    const problem = isShort ? "end early; the file is cut off, get it again" : "are damaged; get the file again";
    throw inflateFailure(path, problem, error);
  } finally {
    inflate.destroy();
  }
  return { bytes: Buffer.concat(parts), complete: true };
}
