import { ImageFileError } from "@nnunet/core";
import { uint32 } from "./numbers-in-bytes.ts";
import type { PixelFormat } from "./pixel-format.ts";

/*
 * DICOM's run-length encoding (PS3.5 annex G): every byte of a number, and every sample of a pixel, is a segment of its
 * own, packed like PackBits.
 */

/**
 * @returns the bytes of one frame as uncompressed little-endian pixels, sample planes one after the other
 * @throws {ImageFileError} if the segments are not those of such an image, or do not unpack to it
 */
export function decodeRle(
  packed: Uint8Array,
  { rows, columns, samples, bitsAllocated }: PixelFormat,
  path: string,
): Uint8Array {
  const fail = (problem: string) => new ImageFileError(path, "PixelData", `${problem}; the run-length code is damaged`);
  if (bitsAllocated % 8 !== 0) throw fail(`${bitsAllocated} bits a pixel cannot be run-length encoded`);
  const bytesPerSample = bitsAllocated / 8;
  const segments = samples * bytesPerSample;
  if (packed.length < 64) throw fail("it has no header");
  const count = uint32(packed, 0, true);
  if (count !== segments) throw fail(`expected ${segments} segments, got ${count}`);
  const starts = Array.from({ length: segments }, (_, i) => uint32(packed, 4 + 4 * i, true));
  if (!starts.every((start, i) => start >= (i === 0 ? 64 : starts[i - 1]!) && start <= packed.length)) {
    throw fail(`its segments begin at ${starts.join(", ")} of ${packed.length} bytes`);
  }
  const pixels = rows * columns;
  const decoded = new Uint8Array(pixels * segments);
  for (const [s, start] of starts.entries()) {
    const sample = Math.floor(s / bytesPerSample);
    // The highest byte comes first.
    const byte = bytesPerSample - 1 - (s % bytesPerSample);
    const got = unpackSegment(packed, start, starts[s + 1] ?? packed.length, decoded, {
      first: sample * pixels * bytesPerSample + byte,
      step: bytesPerSample,
      count: pixels,
    });
    if (got < pixels) throw fail(`segment ${s + 1} unpacks to ${got} of ${pixels} bytes`);
  }
  return decoded;
}

function unpackSegment(
  packed: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  { first, step, count }: { first: number; step: number; count: number },
): number {
  let done = 0;
  let to = first;
  for (let at = start; at < end && done < count; ) {
    const control = packed[at++]!;
    if (control === 128) continue;
    const isRun = control > 128;
    const length = Math.min(isRun ? 257 - control : control + 1, count - done);
    if (isRun && at >= end) break;
    for (let i = 0; i < length; i++) {
      if (!isRun && at >= end) return done;
      target[to] = packed[isRun ? at : at++]!;
      to += step;
      done++;
    }
    if (isRun) at++;
  }
  return done;
}
