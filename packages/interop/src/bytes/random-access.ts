import { InvalidArtifactError } from "@nnunet/core";
import { describeFileError, openRegularFile } from "@nnunet/core/node";

/** Bytes of which any part can be read: a file, or an array. */
export interface RandomAccess {
  /** Named in errors. */
  readonly path: string;
  readonly size: number;
  /**
   * Exactly these bytes, not to be changed.
   *
   * @throws {InvalidArtifactError} if a part of them lies beyond the end
   */
  read(at: number, length: number): Promise<Uint8Array>;
}

/**
 * Opens a file for `use`, and closes it. No more of it than is asked for lies in memory.
 *
 * @throws {FileError} if it is missing, unreadable or no ordinary file
 */
export async function withRandomAccess<T>(path: string, use: (source: RandomAccess) => Promise<T>): Promise<T> {
  const { handle, stats } = await openRegularFile(path);
  const read = async (at: number, length: number): Promise<Uint8Array> => {
    checkRange(path, stats.size, at, length);
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let have = 0; have < length; ) {
      const { bytesRead } = await handle.read(bytes, have, length - have, at + have).catch((error: unknown) => {
        throw describeFileError(path, "could not be read", error);
      });
      if (bytesRead === 0) throw new InvalidArtifactError(path, "", "became shorter while it was read");
      have += bytesRead;
    }
    return bytes;
  };
  try {
    return await use({ path, size: stats.size, read });
  } finally {
    await handle.close();
  }
}

/** The same for bytes in memory. */
export function memoryAccess(bytes: Uint8Array, path: string): RandomAccess {
  const read = async (at: number, length: number) => {
    checkRange(path, bytes.length, at, length);
    return bytes.subarray(at, at + length);
  };
  return { path, size: bytes.length, read };
}

function checkRange(path: string, size: number, at: number, length: number): void {
  if (at >= 0 && length >= 0 && at + length <= size) return;
  const problem = `points to bytes ${at} to ${at + length}, but has only ${size}; it is cut off or damaged, get it again`;
  throw new InvalidArtifactError(path, "", problem);
}
