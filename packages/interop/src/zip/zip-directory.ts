import { InvalidArtifactError, printableName } from "@nnunet/core";
import type { RandomAccess } from "../bytes/random-access.ts";
import { signatures } from "./zip-format.ts";

/** One file inside a zip archive. */
export interface ZipRecord {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: 0 | 8;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  /** First byte of the (compressed) content in the archive. */
  readonly dataStart: number;
}

const mostRecords = 100_000;
const longestDirectory = 64 * 2 ** 20;
const endSize = 22;
const locatorSize = 20;

/** Whether a file begins as a zip archive does. */
export async function isZip(source: RandomAccess): Promise<boolean> {
  if (source.size < endSize) return false;
  const start = viewOf(await source.read(0, 4)).getUint32(0, true);
  return start === signatures.local || start === signatures.end;
}

/**
 * The files of a zip archive by name, read from its directory and held against each file's own header, so that no two
 * readers can see different archives in the same bytes: no name twice, no two contents that share a byte, none outside
 * the archive.
 *
 * @throws {InvalidArtifactError} if it is cut off, damaged or encrypted, or a name leads out of a folder
 */
export async function readZipDirectory(source: RandomAccess): Promise<ReadonlyMap<string, ZipRecord>> {
  const { start, size, count } = await findDirectory(source);
  if (count > mostRecords) throw damaged(source, `has ${count} files in it, at most ${mostRecords} are read`);
  if (size > longestDirectory || start + size > source.size) throw damaged(source, "its directory lies outside it");
  const directory = await source.read(start, size);
  const records = new Map<string, ZipRecord>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const entry = centralEntry(source, directory, at);
    at += entry.length;
    if (records.has(entry.name)) throw damaged(source, `has ${shown(entry.name)} twice`);
    records.set(entry.name, await withLocalHeader(source, entry, start));
  }
  if (at !== size) throw damaged(source, "its directory is longer than its files");
  refuseOverlaps(source, [...records.values()]);
  return records;
}

interface Entry extends Omit<ZipRecord, "dataStart"> {
  readonly headerAt: number;
  /** Of the entry in the directory. */
  readonly length: number;
}

async function findDirectory(source: RandomAccess): Promise<{ start: number; size: number; count: number }> {
  const tailLength = Math.min(source.size, 0xffff + endSize);
  const tailAt = source.size - tailLength;
  const tail = viewOf(await source.read(tailAt, tailLength));
  let end = tailLength - endSize;
  while (end >= 0 && !(tail.getUint32(end, true) === signatures.end && commentFits(tail, end))) end--;
  if (end < 0) throw damaged(source, "is no whole zip archive: it has no directory at its end");
  const [disk, count, size, start] = [
    tail.getUint16(end + 4, true),
    tail.getUint16(end + 10, true),
    tail.getUint32(end + 12, true),
    tail.getUint32(end + 16, true),
  ];
  const endAt = tailAt + end;
  if (endAt >= locatorSize) {
    const locator = viewOf(await source.read(endAt - locatorSize, locatorSize));
    if (locator.getUint32(0, true) === signatures.locator64) {
      const record = viewOf(await source.read(number64(source, locator, 8), 56));
      if (record.getUint32(0, true) !== signatures.end64) throw damaged(source, "its 64-bit directory is missing");
      const [count64, size64, start64] = [24 + 8, 40, 48].map((field) => number64(source, record, field));
      return { count: count64!, size: size64!, start: start64! };
    }
  }
  if (disk !== 0) throw damaged(source, "is one part of an archive of several");
  return { start, size, count };
}

const commentFits = (tail: DataView, end: number) => end + endSize + tail.getUint16(end + 20, true) === tail.byteLength;

function centralEntry(source: RandomAccess, directory: Uint8Array, at: number): Entry {
  if (at + 46 > directory.length) throw damaged(source, "its directory is cut off");
  const view = viewOf(directory.subarray(at));
  if (view.getUint32(0, true) !== signatures.central) throw damaged(source, "its directory is damaged");
  const flags = view.getUint16(8, true);
  const method = view.getUint16(10, true);
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(field, true));
  const length = 46 + nameLength! + extraLength! + commentLength!;
  if (at + length > directory.length) throw damaged(source, "its directory is cut off");
  const name = recordName(source, directory.subarray(at + 46, at + 46 + nameLength!));
  if ((flags & 0x2041) !== 0) {
    const remedy = "unpack it with its password and import the folder";
    throw new InvalidArtifactError(
      source.path,
      shown(name),
      `is encrypted, and only open archives are read; ${remedy}`,
    );
  }
  if (method !== 0 && method !== 8) {
    const problem = `is compressed by method ${method}, only deflate is read; unpack the archive and import the folder`;
    throw new InvalidArtifactError(source.path, shown(name), problem);
  }
  const extra = directory.subarray(at + 46 + nameLength!, at + 46 + nameLength! + extraLength!);
  const [size, compressedSize, headerAt] = wideNumbers(
    source,
    extra,
    [24, 20, 42].map((f) => view.getUint32(f, true)),
  );
  if (method === 0 && size !== compressedSize)
    throw damaged(source, `the sizes of ${shown(name)} contradict each other`);
  return {
    name,
    method,
    crc32: view.getUint32(16, true),
    compressedSize: compressedSize!,
    size: size!,
    headerAt: headerAt!,
    length,
  };
}

/** Numbers that do not fit 32 bits stand in the extra field 1, in order. */
function wideNumbers(source: RandomAccess, extra: Uint8Array, numbers: readonly number[]): number[] {
  if (!numbers.includes(0xffffffff)) return [...numbers];
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; ) {
    const [id, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    let field = at + 4;
    at = field + length;
    if (id !== 1 || at > extra.length) continue;
    return numbers.map((number) => {
      if (number !== 0xffffffff) return number;
      if (field + 8 > at) throw damaged(source, "a 64-bit size is missing");
      field += 8;
      return number64(source, view, field - 8);
    });
  }
  throw damaged(source, "a 64-bit size is missing");
}

async function withLocalHeader(source: RandomAccess, entry: Entry, directoryStart: number): Promise<ZipRecord> {
  const { name, method, crc32, compressedSize, size, headerAt } = entry;
  const header = viewOf(await source.read(headerAt, 30));
  const nameLength = header.getUint16(26, true);
  const own = await source.read(headerAt + 30, nameLength);
  if (header.getUint32(0, true) !== signatures.local || recordName(source, own) !== name) {
    throw damaged(source, `directory and file disagree about ${shown(name)}`);
  }
  if (header.getUint16(8, true) !== method) throw damaged(source, `directory and file disagree about ${shown(name)}`);
  const dataStart = headerAt + 30 + nameLength + header.getUint16(28, true);
  if (dataStart + compressedSize > directoryStart) throw damaged(source, `${shown(name)} reaches beyond its end`);
  return { name, method, crc32, compressedSize, size, dataStart };
}

function recordName(source: RandomAccess, bytes: Uint8Array): string {
  const name = Buffer.from(bytes).toString("utf8");
  const parts = name.replace(/\/$/, "").split("/");
  if (name === "" || /^[/\\]|^[A-Za-z]:|[\\\0]/.test(name) || parts.some((part) => part === ".." || part === "")) {
    throw new InvalidArtifactError(
      source.path,
      shown(name),
      "is a name that leads out of the archive's folder; the archive was not made by nnU-Net, do not use it",
    );
  }
  return name;
}

function refuseOverlaps(source: RandomAccess, records: readonly ZipRecord[]): void {
  const inOrder = [...records].sort((a, b) => a.dataStart - b.dataStart);
  for (let i = 1; i < inOrder.length; i++) {
    const [before, after] = [inOrder[i - 1]!, inOrder[i]!];
    if (before.dataStart + before.compressedSize > after.dataStart) {
      throw damaged(source, `${shown(before.name)} and ${shown(after.name)} share bytes`);
    }
  }
}

function number64(source: RandomAccess, view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw damaged(source, "a size in it is impossible");
  return value;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const shown = (name: string) => printableName(name, 80);

function damaged(source: RandomAccess, problem: string): InvalidArtifactError {
  return new InvalidArtifactError(source.path, "", `${problem}; the zip archive is cut off or damaged, get it again`);
}
