import { ImageFileError } from "@nnunet/core";
import { withFile } from "./bounded-file.ts";

/** A file of which any part can be read, for formats whose headers point to and fro. */
export interface ByteSource {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /**
   * Exactly these bytes; not to be changed or kept, unless they are many.
   *
   * @throws {ImageFileError} if a part of them lies beyond the end of the file
   */
  read(at: number, length: number): Promise<Buffer>;
}

/** What is read together: small pieces come out of one such window, larger ones straight from the file. */
const windowSize = 64 * 1024;

/** @throws {FileError} if the file is missing, a folder, a pipe or unreadable */
export async function withByteSource<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  return withFile(path, async (handle, size) => {
    let window: Buffer = Buffer.alloc(0);
    let windowStart = 0;
    const fill = async (at: number, length: number): Promise<Buffer> => {
      const bytes = Buffer.allocUnsafe(length);
      for (let have = 0; have < length; ) {
        const { bytesRead } = await handle.read(bytes, have, length - have, at + have);
        if (bytesRead === 0) throw new ImageFileError(path, "", "it became shorter while it was read");
        have += bytesRead;
      }
      return bytes;
    };
    const read = async (at: number, length: number): Promise<Buffer> => {
      if (!(at >= 0 && length >= 0 && at + length <= size)) {
        const problem = `it points to bytes ${at} to ${at + length}, but has only ${size}; it is cut off or damaged`;
        throw new ImageFileError(path, "", problem);
      }
      if (length > windowSize / 4) return fill(at, length);
      if (at < windowStart || at + length > windowStart + window.length) {
        window = await fill(at, Math.min(windowSize, size - at));
        windowStart = at;
      }
      return window.subarray(at - windowStart, at - windowStart + length);
    };
    return use({ path, size, read });
  });
}
