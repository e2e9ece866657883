/*
 * Numbers and text in bytes, by loops that run in Node and in browsers alike.
 */

export function uint16(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  return littleEndian ? bytes[at]! + bytes[at + 1]! * 256 : bytes[at]! * 256 + bytes[at + 1]!;
}

export function uint32(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  const [first, second] = [uint16(bytes, at, littleEndian), uint16(bytes, at + 2, littleEndian)];
  return littleEndian ? first + second * 65536 : first * 65536 + second;
}

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Bytes at once: more arguments than an engine takes end in a RangeError. */
const atOnce = 8192;

/** One character per byte, U+0000 to U+00FF. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += atOnce) {
    text += String.fromCharCode(...bytes.subarray(at, at + atOnce));
  }
  return text;
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Swaps every two bytes, in place. */
export function swapPairs(bytes: Uint8Array): void {
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const first = bytes[at]!;
    bytes[at] = bytes[at + 1]!;
    bytes[at + 1] = first;
  }
}
