/*
 * LZW as in TIFF 6.0, section 13: codes of 9 to 12 bits, most significant bit first, and the width grows one code early.
 * Files of before 1989 have them least significant bit first, without that; they begin with the bytes 0 and 1.
 */

const clearCode = 256;
const endCode = 257;

/**
 * @param length - bytes to make; what follows is not looked at
 * @returns fewer bytes than `length` if the data end early
 * @throws {RangeError} if a code stands for nothing: the data are damaged
 */
export function unpackLzw(packed: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  const isOld = packed.length >= 2 && packed[0] === 0 && (packed[1]! & 1) === 1;
  const early = isOld ? 0 : 1;
  // A string is its predecessor and one byte more; where it was last written, it can be copied from.
  const start = new Uint32Array(4097);
  const size = new Uint16Array(4097);
  let next = 258;
  let width = 9;
  let previous = -1;
  let at = 0;
  let bit = 0;
  const end = packed.length * 8;
  while (at < length) {
    if (bit + width > end) break;
    let code: number;
    const byte = bit >> 3;
    if (isOld) {
      const word = packed[byte]! | (packed[byte + 1]! << 8) | (byte + 2 < packed.length ? packed[byte + 2]! << 16 : 0);
      code = (word >> (bit & 7)) & ((1 << width) - 1);
    } else {
      const word =
        (packed[byte]! << 16) | (packed[byte + 1]! << 8) | (byte + 2 < packed.length ? packed[byte + 2]! : 0);
      code = (word >> (24 - width - (bit & 7))) & ((1 << width) - 1);
    }
    bit += width;
    if (code === endCode) break;
    if (code === clearCode) {
      next = 258;
      width = 9;
      previous = -1;
      continue;
    }
    const from = at;
    if (code < 256) {
      out[at++] = code;
    } else {
      // The string that is just being made is its predecessor and that one's first byte.
      const known = code < next;
      if (!known && !(code === next && previous >= 0)) throw new RangeError(`code ${code} stands for nothing`);
      const source = known ? start[code]! : start[4096]!;
      const count = known ? size[code]! : size[4096]! + 1;
      const stop = Math.min(length, at + count);
      for (let read = source; at < stop; ) out[at++] = out[read++]!;
    }
    if (previous >= 0 && next < 4096) {
      // Written in one piece: the string before, and the first byte of this one, which follows it.
      start[next] = start[4096]!;
      size[next] = size[4096]! + 1;
      next++;
    }
    previous = code;
    start[4096] = from;
    size[4096] = at - from;
    if (next + early >= 1 << width && width < 12) width++;
  }
  return at === length ? out : out.subarray(0, at);
}
