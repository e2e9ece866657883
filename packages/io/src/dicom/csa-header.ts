import { latin1, uint32 } from "./numbers-in-bytes.ts";

/*
 * Siemens' private header, "CSA": a list of named values in text, in one of two layouts. Its layout is described by
 * nibabel's documentation (nipy.org/nibabel/dicom/siemens_csa.html).
 */

const mostTags = 1000;
const mostItems = 1000;

/**
 * The numbers under some of its names.
 *
 * @returns what could be read before the header ends or makes no sense
 */
export function csaValues(header: Uint8Array, names: readonly string[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const isSecond = latin1(header.subarray(0, 4)) === "SV10";
  let at = isSecond ? 8 : 0;
  if (header.length < at + 8) return found;
  const count = uint32(header, at, true);
  at += 8;
  if (count > mostTags) return found;
  let ofFirst = 0;
  for (let n = 0; n < count && at + 84 <= header.length; n++) {
    const name = until0(latin1(header.subarray(at, at + 64)));
    const items = int32(header, at + 76);
    at += 84;
    if (items > mostItems) return found;
    if (n === 0) ofFirst = items;
    const numbers: number[] = [];
    for (let i = 0; i < items && at + 16 <= header.length; i++) {
      // The first layout adds the number of the first value's items to every length.
      const length = isSecond ? int32(header, at + 4) : int32(header, at) - ofFirst;
      at += 16;
      if (length < 0 || at + length > header.length) {
        if (isSecond) return found;
        break;
      }
      const text = until0(latin1(header.subarray(at, at + length))).trim();
      if (text !== "") numbers.push(Number(text));
      at += (length + 3) & ~3;
    }
    if (names.includes(name)) found.set(name, numbers.filter(Number.isFinite));
  }
  return found;
}

function int32(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at, true) | 0;
}

function until0(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}
