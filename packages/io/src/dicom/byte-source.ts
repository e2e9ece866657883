import { readSync } from "node:fs";
import { ImageFileError } from "@nnunet/core";

/** Bytes that are fetched where they are needed: a file of gigabytes is parsed by its headers alone. */
export interface ByteSource {
  readonly path: string;
  readonly length: number;
  /** Bytes in memory; {@link locate} says where in them. It may be another buffer after the next call. */
  readonly window: Buffer;
  /**
   * Brings bytes into the window.
   *
   * @returns where in the window they begin
   * @throws {ImageFileError} if the source ends before
   */
  locate(at: number, length: number): number;
  /**
   * @returns a view that the next call may overwrite
   * @throws {ImageFileError} if the source ends before
   */
  view(at: number, length: number): Buffer;
  /** @returns bytes of the caller's own. Errors as {@link view} */
  copy(at: number, length: number): Buffer;
  /** Fills an array. Errors as {@link view} */
  into(target: Uint8Array, at: number): void;
}

/** Elements lie close together: one read of this size finds dozens. */
const windowBytes = 64 * 1024;
/** Linux reads no more than 2 GiB at once. */
const largestRead = 2 ** 30;

/** @param fd - an open ordinary file; it stays the caller's to close */
export function fileSource(path: string, fd: number, length: number): ByteSource {
  const window = Buffer.allocUnsafe(Math.min(windowBytes, length));
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
      const bytes = Buffer.alloc(count);
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

/** Bytes that are in memory already: the inflated part of a deflated file. */
export function bufferSource(path: string, bytes: Buffer): ByteSource {
  const locate = (at: number, count: number): number => {
    if (at + count > bytes.length) throw cutOff(path);
    return at;
  };
  const view = (at: number, count: number): Buffer => bytes.subarray(locate(at, count), at + count);
  return {
    path,
    length: bytes.length,
    window: bytes,
    locate,
    view,
    copy: (at, count) => Buffer.from(view(at, count)),
    into: (target, at) => target.set(view(at, target.length)),
  };
}

export function cutOff(path: string): ImageFileError {
  return new ImageFileError(path, "", "the file ends in the middle of an element; it is cut off, get it again");
}
