import type { VoxelArray } from "@nnunet/core";
import { maskOf, type SegmentFrame } from "./segment-frames.ts";

/**
 * The bits of all frames, padded to an even number of bytes.
 *
 * @param labels - [z, y, x]
 * @param plane - voxels of a slice
 */
export function* segmentBits(
  frames: readonly SegmentFrame[],
  labels: VoxelArray,
  plane: number,
): Generator<Uint8Array<ArrayBuffer>> {
  const packer = new BitPacker();
  let written = 0;
  let mask: Uint8Array = new Uint8Array();
  for (const [i, { segment, slice }] of frames.entries()) {
    if (segment !== frames[i - 1]?.segment) mask = maskOf(segment);
    const bytes = packer.pack(labels.subarray(slice * plane, (slice + 1) * plane), mask);
    written += bytes.length;
    yield bytes;
  }
  yield packer.end(written);
}

/**
 * Bits one behind the other, the lowest of a byte first; frames follow each other without a gap, so one may begin in the
 * middle of a byte (PS3.5 8.1.1).
 */
class BitPacker {
  /** Bits that fill no byte yet, and how many. */
  private held = 0;
  private count = 0;

  /**
   * @param labels - voxels of one plane
   * @param isSegment - 1 for every label that belongs to the segment
   * @returns the bytes that are full now
   */
  pack(labels: ArrayLike<number>, isSegment: Uint8Array): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array((this.count + labels.length) >> 3);
    let { held, count } = this;
    let at = 0;
    for (let i = 0; i < labels.length; i++) {
      held |= isSegment[labels[i]!]! << count;
      if (++count === 8) {
        bytes[at++] = held;
        held = count = 0;
      }
    }
    this.held = held;
    this.count = count;
    return bytes;
  }

  /** The byte that is not full, and one more if the whole would have an odd length. */
  end(written: number): Uint8Array<ArrayBuffer> {
    const last = this.count > 0 ? [this.held] : [];
    return Uint8Array.from((written + last.length) % 2 === 0 ? last : [...last, 0]);
  }
}
