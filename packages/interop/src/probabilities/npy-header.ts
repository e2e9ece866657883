import { InvalidArtifactError, show } from "@nnunet/core";

/** What a `.npy` file says of the array behind it. */
export interface NpyHeader {
  /** As torch calls them. */
  readonly type: "float16" | "float32" | "float64";
  readonly isLittleEndian: boolean;
  readonly isFortranOrder: boolean;
  readonly shape: readonly number[];
  /** First byte of the values. */
  readonly dataStart: number;
}

const magic = Buffer.from("\x93NUMPY", "latin1");
/** Bytes that are enough for the header of any array of floats. */
export const longestNpyHeader = 4096;
const types = { 2: "float16", 4: "float32", 8: "float64" } as const;
/** A dictionary of Python as NumPy writes it: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. */
const dictionary =
  /^\{'descr': '([<>])f([248])', 'fortran_order': (True|False), 'shape': \(((?:\d{1,10}, ?)*(?:\d{1,10})?)\), ?\}\s*$/;

/**
 * Reads the header of a `.npy` file of floats. It is a dictionary in Python's words and is matched as text; nothing is
 * evaluated.
 *
 * @param start - the file's first bytes, {@link longestNpyHeader} of them where it has as many
 * @throws {InvalidArtifactError} if it is none, or holds something else than floats
 */
export function npyHeader(start: Uint8Array, path: string, field: string): NpyHeader {
  const fail = (problem: string) => new InvalidArtifactError(path, field, problem);
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  if (bytes.length < 12 || !bytes.subarray(0, 6).equals(magic)) throw fail("expected an array of NumPy (.npy)");
  const isLong = bytes[6]! > 1;
  const dataStart = isLong ? 12 + bytes.readUInt32LE(8) : 10 + bytes.readUInt16LE(8);
  if (dataStart > bytes.length) throw fail("expected an array of floats, its header is cut off or of another kind");
  const text = bytes.subarray(isLong ? 12 : 10, dataStart).toString("latin1");
  const [, order, size, fortran, extents] = dictionary.exec(text) ?? [];
  if (extents === undefined) throw fail(`expected an array of floats, got ${show(text.trim())}`);
  return {
    type: types[Number(size) as keyof typeof types],
    isLittleEndian: order === "<",
    isFortranOrder: fortran === "True",
    shape: extents
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== "")
      .map(Number),
    dataStart,
  };
}

/** The header of an array of float32 in C order, a multiple of 64 bytes long as NumPy's own. */
export function npyHeaderBytes(shape: readonly number[]): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const padding = 64 - ((10 + text.length + 1) % 64);
  const bytes = Buffer.from(`\x93NUMPY\x01\x00..${text}${" ".repeat(padding)}\n`, "latin1");
  bytes.writeUInt16LE(bytes.length - 10, 8);
  return bytes;
}
