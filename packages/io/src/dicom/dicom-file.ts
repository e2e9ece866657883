import type { ByteSource } from "./byte-source.ts";

/** A file of DICOM, on a disk or in memory. */
export interface DicomFile {
  readonly path: string;
  /** Without folders, for messages. */
  readonly name: string;
  /**
   * Opens it for as long as `use` runs.
   *
   * @throws {FileError} if it is missing or unreadable
   */
  open<T>(use: (source: ByteSource) => T | Promise<T>): Promise<T>;
  /**
   * Inflates raw DEFLATE data until so many bytes have come.
   *
   * @throws {ImageFileError} if the data are damaged or end early
   */
  inflate(packed: Uint8Array<ArrayBuffer>, limit: number): Promise<Inflated>;
}

export interface Inflated {
  readonly bytes: Uint8Array;
  /** Whether there is nothing more. */
  readonly complete: boolean;
}
