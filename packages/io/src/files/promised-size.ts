import { ImageFileError } from "@nnunet/core";

/*
 * A header promises so many bytes of voxels; what is said of a file, or of bytes in memory, that breaks the promise.
 */

/** DEFLATE cannot do better: 258 bytes from two bits. A header that promises more than this lies. */
export const largestRatio = 1032;

export function tooShort(path: string, promise: string, end: number, got: string): ImageFileError {
  const problem = `${promise}, which needs ${end} bytes, but there are ${got}; the file is cut off or its header is wrong`;
  return new ImageFileError(path, "", problem);
}

export function tooLong(path: string, promise: string, end: number, got: string): ImageFileError {
  const problem = `${promise}, which needs ${end} bytes, but there are ${got}; the header is wrong or something was appended`;
  return new ImageFileError(path, "", problem);
}
