import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createDeflate, createGzip } from "node:zlib";

const slice = 2 ** 20;

/** Arrays in pieces of a megabyte, in order; nothing is copied. */
export function* slices(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += slice) yield part.subarray(at, at + slice);
  }
}

/** Compressed piece by piece, so that the result never lies in memory as a whole. */
export async function* compressedChunks(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  kind: "gzip" | "zlib",
  level: number,
): AsyncGenerator<Uint8Array> {
  const options = { level, chunkSize: 256 * 1024 };
  const deflate = kind === "gzip" ? createGzip(options) : createDeflate(options);
  const done = pipeline(Readable.from(chunks), deflate);
  done.catch(() => {}); // it reaches the caller through the loop below
  for await (const chunk of deflate) yield chunk as Uint8Array;
  await done;
}
