import { ImageFileError } from "@nnunet/core";
import type { ByteSource } from "../files/byte-source.ts";
import { tagName } from "./tiff-tags.ts";

/*
 * The directories of a TIFF or BigTIFF file (TIFF 6.0, section 2): a chain, each with entries of tag, type, count and
 * the values or where they lie. Values are read when they are asked for, so that what nobody needs may be as it likes.
 */

export interface TiffEntry {
  readonly type: number;
  readonly count: number;
  /** Where the values begin in the file. */
  readonly at: number;
}

export interface TiffDirectory {
  readonly entries: ReadonlyMap<number, TiffEntry>;
  readonly littleEndian: boolean;
}

const typeSizes: Readonly<Record<number, number>> = {
  1: 1, // BYTE
  2: 1, // ASCII
  3: 2, // SHORT
  4: 4, // LONG
  5: 8, // RATIONAL
  6: 1, // SBYTE
  7: 1, // UNDEFINED
  8: 2, // SSHORT
  9: 4, // SLONG
  10: 8, // SRATIONAL
  11: 4, // FLOAT
  12: 8, // DOUBLE
  13: 4, // IFD
  16: 8, // LONG8
  17: 8, // SLONG8
  18: 8, // IFD8
};

/**
 * What a file's directories may cost. Each of its bytes belongs to one directory or list, give or take; a file whose
 * lists overlap so much that reading them all takes many times its size was made to keep us busy.
 */
export class ReadingBudget {
  private left: number;
  constructor(private readonly source: ByteSource) {
    this.left = 2 * source.size + 65536;
  }

  /** @throws {ImageFileError} if more was asked for than the file can have */
  spend(bytes: number): void {
    this.left -= bytes;
    if (!(this.left >= 0)) {
      throw new ImageFileError(this.source.path, "", "its directories promise more than the file holds; it is damaged");
    }
  }
}

/**
 * All directories of the main chain, in its order.
 *
 * @throws {ImageFileError} if it is no TIFF file, the chain leads back, or a directory lies beyond the file
 */
export async function readTiffDirectories(source: ByteSource, budget: ReadingBudget): Promise<TiffDirectory[]> {
  const { path } = source;
  const fail = (problem: string): never => {
    throw new ImageFileError(path, "", problem);
  };
  if (source.size < 8) fail("this is no TIFF file, whatever its name says");
  const start = await source.read(0, 8);
  const order = start.toString("latin1", 0, 2);
  const littleEndian = order === "II";
  const version = littleEndian ? start.readUInt16LE(2) : start.readUInt16BE(2);
  if ((order !== "II" && order !== "MM") || (version !== 42 && version !== 43)) {
    fail("this is no TIFF file, whatever its name says");
  }
  const big = version === 43;
  const offsetSize = big ? 8 : 4;
  const number = (bytes: Buffer, at: number, size: number) => unsigned(bytes, at, size, littleEndian);
  const directories: TiffDirectory[] = [];
  const seen = new Set<number>();
  let at = big ? number(await source.read(8, 8), 0, 8) : number(start, 4, 4);
  while (at !== 0) {
    if (seen.has(at)) fail("the chain of pages leads back to an earlier page; the file is damaged");
    seen.add(at);
    const countSize = big ? 8 : 2;
    const count = number(await source.read(at, countSize), 0, countSize);
    const entrySize = big ? 20 : 12;
    const valueAt = big ? 12 : 8;
    budget.spend(count * entrySize);
    const table = await source.read(at + countSize, count * entrySize + offsetSize);
    const entries = new Map<number, TiffEntry>();
    for (let i = 0; i < count; i++) {
      const from = i * entrySize;
      const tag = number(table, from, 2);
      const type = number(table, from + 2, 2);
      const size = typeSizes[type];
      const values = number(table, from + 4, offsetSize);
      // A type that nobody knows: a private tag, which is passed over.
      if (size === undefined) continue;
      // The first one counts, as for libtiff.
      if (entries.has(tag)) continue;
      const inline = size * values <= offsetSize;
      const where = inline ? at + countSize + from + valueAt : number(table, from + valueAt, offsetSize);
      entries.set(tag, { type, count: values, at: where });
    }
    directories.push({ entries, littleEndian });
    at = number(table, count * entrySize, offsetSize);
  }
  if (directories.length === 0) fail("there is no page in it");
  return directories;
}

/**
 * The numbers of one tag; undefined if the directory has none.
 *
 * @throws {ImageFileError} if they are not whole numbers, or lie beyond the file
 */
export async function tagNumbers(
  source: ByteSource,
  budget: ReadingBudget,
  directory: TiffDirectory,
  tag: number,
): Promise<number[] | undefined> {
  const entry = directory.entries.get(tag);
  if (entry === undefined) return undefined;
  const size = typeSizes[entry.type]!;
  if (![1, 3, 4, 13, 16, 18].includes(entry.type)) {
    const problem = `expected whole numbers, got values of type ${entry.type}; the file is damaged`;
    throw new ImageFileError(source.path, tagName(tag), problem);
  }
  const bytes = await tagBytes(source, budget, entry);
  // There may be a million of them: no closure, and no growing.
  const numbers = new Array<number>(entry.count);
  for (let i = 0; i < entry.count; i++) numbers[i] = unsigned(bytes, i * size, size, directory.littleEndian);
  return numbers;
}

/** The bytes of one tag's values, as they are. */
export async function tagBytes(source: ByteSource, budget: ReadingBudget, entry: TiffEntry): Promise<Buffer> {
  const length = entry.count * typeSizes[entry.type]!;
  budget.spend(length);
  return source.read(entry.at, length);
}

function unsigned(bytes: Buffer, at: number, size: number, littleEndian: boolean): number {
  if (size === 1) return bytes[at]!;
  if (size === 8) return Number(littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  if (size === 2) return littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  return littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}
