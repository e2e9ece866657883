import { ImageFileError, type VoxelArray } from "@nnunet/core";
import { arrayOf, type StoredType } from "./stored-voxels.ts";

const integers: Readonly<Partial<Record<StoredType, readonly [lowest: number, highest: number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  // Beyond these a number is not held exactly.
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

/**
 * Voxels that are written as decimal numbers, separated by space or commas.
 *
 * @throws {ImageFileError} if there are more or fewer than promised, or one is none of its type
 */
export function voxelsFromText(text: string, count: number, type: StoredType, path: string): VoxelArray {
  const voxels = arrayOf(type, count);
  const range = integers[type];
  const number = /[^\s,]+/g;
  let i = 0;
  for (let match = number.exec(text); match; match = number.exec(text), i++) {
    const value = numberOf(match[0]);
    const fits = !range || (Number.isInteger(value) && value! >= range[0] && value! <= range[1]);
    if (i === count || value === undefined || !fits) {
      const got = JSON.stringify(match[0].slice(0, 40));
      const expected =
        i === count ? `expected ${count} numbers, got ${got} behind them` : `expected a ${type}, got ${got}`;
      throw new ImageFileError(path, `voxel ${i}`, expected);
    }
    voxels[i] = value;
  }
  if (i < count) throw new ImageFileError(path, "", `expected ${count} numbers, got ${i}; the file is cut off`);
  return voxels;
}

function numberOf(text: string): number | undefined {
  if (/^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) return Number(text);
  if (/^[-+]?nan$/i.test(text)) return Number.NaN;
  if (/^[-+]?inf(inity)?$/i.test(text))
    return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return undefined;
}

/**
 * Bytes that are written as pairs of hexadecimal digits.
 *
 * @throws {ImageFileError} if there are more or fewer than promised, or something else
 */
export function voxelsFromHex(text: string, length: number, path: string): ArrayBuffer {
  const digits = text.replace(/\s+/g, "");
  if (digits.length !== 2 * length || /[^0-9a-f]/i.test(digits)) {
    const problem = `expected ${2 * length} hexadecimal digits, got ${digits.length} characters`;
    throw new ImageFileError(path, "", digits.length === 2 * length ? "expected hexadecimal digits alone" : problem);
  }
  return Uint8Array.from(Buffer.from(digits, "hex")).buffer;
}
