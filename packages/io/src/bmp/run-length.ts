/*
 * RLE8 and RLE4 of BMP: runs of one index (or of two that alternate), literal pixels, ends of rows, jumps.
 */

/** A stream that ends early, or leaves the picture. */
export class RunLengthDamage extends Error {}

/**
 * @param packed - from the first code on
 * @returns an index per pixel, first row first as in the file; what is jumped over is 0
 * @throws {RunLengthDamage} if pixels lie outside the picture, or the data end early
 */
export function unpackRunLength(packed: Uint8Array, width: number, height: number, bits: 4 | 8): Uint8Array {
  const out = new Uint8Array(width * height);
  let [x, y, at] = [0, 0, 0];
  const put = (index: number) => {
    if (x >= width || y >= height) throw new RunLengthDamage("a run leaves the picture");
    out[y * width + x++] = index;
  };
  for (;;) {
    // A whole picture may lack its last code.
    if (at + 2 > packed.length) {
      if (y === height || (y === height - 1 && x === width)) return out;
      throw new RunLengthDamage("the run-length data end early");
    }
    const [count, value] = [packed[at]!, packed[at + 1]!];
    at += 2;
    if (count > 0) {
      for (let i = 0; i < count; i++) put(bits === 8 ? value : i & 1 ? value & 15 : value >> 4);
    } else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) {
      return out;
    } else if (value === 2) {
      if (at + 2 > packed.length) throw new RunLengthDamage("the run-length data end early");
      x += packed[at]!;
      y += packed[at + 1]!;
      at += 2;
      if (x > width || y > height) throw new RunLengthDamage("a jump leaves the picture");
    } else {
      const length = bits === 8 ? value : (value + 1) >> 1;
      if (at + length > packed.length) throw new RunLengthDamage("the run-length data end early");
      for (let i = 0; i < value; i++) {
        const byte = packed[at + (bits === 8 ? i : i >> 1)]!;
        put(bits === 8 ? byte : i & 1 ? byte & 15 : byte >> 4);
      }
      at += length + (length & 1); // codes begin at even places
    }
  }
}
