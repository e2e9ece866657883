import { ImageFileError } from "@nnunet/core";

/**
 * Memory for what a header promises; the caller has held the promise against the file.
 *
 * @throws {ImageFileError} if there is none
 */
export function memoryFor(path: string, length: number, promise: string): ArrayBuffer {
  try {
    return new ArrayBuffer(length);
  } catch (error) {
    const gib = (length / 2 ** 30).toFixed(1);
    throw new ImageFileError(path, "", `${promise}, and there is no memory for its ${gib} GiB`, { cause: error });
  }
}
