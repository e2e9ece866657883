import { createInflateRaw } from "node:zlib";
import { InvalidArtifactError, printableName } from "@nnunet/core";
import { crc32 } from "@node-rs/crc32";
import type { RandomAccess } from "../bytes/random-access.ts";
import { throughZlib } from "./through-zlib.ts";
import type { ZipRecord } from "./zip-directory.ts";

const chunkSize = 2 ** 20;
/** DEFLATE cannot do better: 258 bytes from two bits. */
const largestRatio = 1032;

/**
 * The content of a record piece by piece, never more than it promises; whoever reads to the end knows that length and
 * checksum are right.
 *
 * @throws {InvalidArtifactError} if it is not what the directory promises
 */
export async function* recordChunks(source: RandomAccess, record: ZipRecord): AsyncGenerator<Uint8Array> {
  const fail = (problem: string) =>
    new InvalidArtifactError(source.path, printableName(record.name, 80), `${problem}; it is damaged, get it again`);
  if (record.size > record.compressedSize * largestRatio) {
    throw fail(`${record.compressedSize} bytes cannot hold the ${record.size} that are promised`);
  }
  let length = 0;
  let checksum = 0;
  try {
    for await (const chunk of contentOf(source, record)) {
      length += chunk.length;
      if (length > record.size) throw fail(`holds more than the ${record.size} bytes that are promised`);
      checksum = crc32(chunk, checksum);
      yield chunk;
    }
  } catch (error) {
    if (!(error as NodeJS.ErrnoException).code?.startsWith("Z_")) throw error;
    throw fail("its compressed bytes are no valid ones");
  }
  if (length !== record.size) throw fail(`holds ${length} bytes, ${record.size} are promised`);
  if (checksum >>> 0 !== record.crc32) throw fail("its checksum is wrong");
}

/**
 * A part of a record, checked with all the rest of it, of which nothing is kept.
 *
 * @throws {InvalidArtifactError} as {@link recordChunks}
 */
export async function readRecordPart(
  source: RandomAccess,
  record: ZipRecord,
  from: number,
  length: number,
): Promise<Uint8Array> {
  const part = new Uint8Array(length);
  let at = 0;
  for await (const chunk of recordChunks(source, record)) {
    const [first, last] = [Math.max(from, at), Math.min(from + length, at + chunk.length)];
    if (first < last) part.set(chunk.subarray(first - at, last - at), first - from);
    at += chunk.length;
  }
  return part;
}

/**
 * A whole record.
 *
 * @param most - bytes that it may have
 * @throws {InvalidArtifactError} if it has more, or as {@link recordChunks}
 */
export async function readRecord(source: RandomAccess, record: ZipRecord, most: number): Promise<Uint8Array> {
  if (record.size > most) {
    const problem = `has ${record.size} bytes, at most ${most} are read`;
    throw new InvalidArtifactError(source.path, printableName(record.name, 80), problem);
  }
  return readRecordPart(source, record, 0, record.size);
}

async function* pieces(source: RandomAccess, start: number, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += chunkSize) yield source.read(start + at, Math.min(chunkSize, size - at));
}

function contentOf(source: RandomAccess, { method, dataStart, compressedSize }: ZipRecord): AsyncGenerator<Uint8Array> {
  const bytes = pieces(source, dataStart, compressedSize); // of a stored record the sizes are equal
  return method === 0 ? bytes : throughZlib(createInflateRaw({ chunkSize: 256 * 1024 }), bytes);
}
