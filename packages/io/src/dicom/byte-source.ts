import { ImageFileError } from "@nnunet/core";

/** Bytes that are fetched where they are needed: a file of gigabytes is parsed by its headers alone. */
export interface ByteSource {
  readonly path: string;
  readonly length: number;
  /** Bytes in memory; {@link locate} says where in them. It may be another buffer after the next call. */
  readonly window: Uint8Array;
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
  view(at: number, length: number): Uint8Array;
  /** @returns bytes of the caller's own. Errors as {@link view} */
  copy(at: number, length: number): Uint8Array<ArrayBuffer>;
  /** Fills an array. Errors as {@link view} */
  into(target: Uint8Array, at: number): void;
}

/** Bytes that are in memory already: the inflated part of a deflated file. */
export function memorySource(path: string, bytes: Uint8Array): ByteSource {
  const locate = (at: number, count: number): number => {
    if (at + count > bytes.length) throw cutOff(path);
    return at;
  };
  const view = (at: number, count: number): Uint8Array => bytes.subarray(locate(at, count), at + count);
  return {
    path,
    length: bytes.length,
    window: bytes,
    locate,
    view,
    copy: (at, count) => view(at, count).slice(),
    into: (target, at) => target.set(view(at, target.length)),
  };
}

export function cutOff(path: string): ImageFileError {
  return new ImageFileError(path, "", "the file ends in the middle of an element; it is cut off, get it again");
}
