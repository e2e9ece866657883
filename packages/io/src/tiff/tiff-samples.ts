import type { VoxelArray } from "@nnunet/core";
import { storedVoxels } from "../voxels/stored-voxels.ts";
import { rowBytesOf, type TiffPage } from "./tiff-page.ts";

/**
 * The values of a decompressed strip or tile, row by row, samples of a pixel together.
 *
 * @param bytes - exactly `rows` rows; taken over
 * @param samples - per pixel in this segment: 1 where planes lie apart
 * @throws {ImageFileError} if a 64-bit integer is beyond ±2⁵³
 */
export function segmentSamples(
  bytes: Uint8Array,
  page: TiffPage,
  columns: number,
  rows: number,
  samples: number,
  path: string,
): VoxelArray {
  const { bits, format, predictor } = page;
  if (bits < 8 || bits % 8 !== 0) return unpackBitFields(bytes, columns * samples, rows, bits);
  const size = bits / 8;
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  const own = isWhole ? bytes : new Uint8Array(bytes); // a copy: slice() of a Buffer would be a view
  const buffer = own.buffer as ArrayBuffer;
  if (predictor === 3) {
    undoFloatPredictor(own, rowBytesOf(columns, samples, bits), rows, samples, size);
  } else if (!page.littleEndian && size > 1) {
    const view = Buffer.from(buffer);
    if (size === 2) view.swap16();
    else if (size === 4) view.swap32();
    else view.swap64();
  }
  if (predictor === 2) undoDifferences(buffer, columns * samples, rows, samples, size);
  if (format === "float" && bits === 16) return halfFloats(new Uint16Array(buffer));
  return storedVoxels(buffer, `${format}${bits}` as Parameters<typeof storedVoxels>[1], true, path);
}

/** Values of 1 to 15 bits that lie bit by bit, most significant first; a row begins with a new byte. */
function unpackBitFields(bytes: Uint8Array, perRow: number, rows: number, bits: number): Uint8Array | Uint16Array {
  const values = bits <= 8 ? new Uint8Array(perRow * rows) : new Uint16Array(perRow * rows);
  const rowBytes = Math.ceil((perRow * bits) / 8);
  const mask = (1 << bits) - 1;
  let to = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * rowBytes;
    for (let i = 0, bit = 0; i < perRow; i++, bit += bits) {
      const at = start + (bit >> 3);
      const word = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      values[to++] = (word >> (24 - bits - (bit & 7))) & mask;
    }
  }
  return values;
}

/** Predictor 2: each value is the difference to the same sample of the pixel before, modulo its width. */
function undoDifferences(buffer: ArrayBuffer, perRow: number, rows: number, step: number, size: number): void {
  if (size === 8) {
    const wide = new BigUint64Array(buffer);
    for (let row = 0; row < rows; row++) {
      for (let i = row * perRow + step; i < (row + 1) * perRow; i++) wide[i] = wide[i]! + wide[i - step]!;
    }
    return;
  }
  const values = size === 1 ? new Uint8Array(buffer) : size === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer);
  for (let row = 0; row < rows; row++) {
    for (let i = row * perRow + step; i < (row + 1) * perRow; i++) values[i] = values[i]! + values[i - step]!;
  }
}

/**
 * Predictor 3 (Adobe Photoshop TIFF Technical Note 3): a row holds first the highest byte of all its values, then the next,
 * …, as differences from byte to byte. Afterwards they are little-endian.
 */
function undoFloatPredictor(bytes: Uint8Array, rowBytes: number, rows: number, step: number, size: number): void {
  const count = rowBytes / size;
  const row = new Uint8Array(rowBytes);
  for (let from = 0; from < rows * rowBytes; from += rowBytes) {
    for (let i = 0; i < step; i++) row[i] = bytes[from + i]!;
    for (let i = step; i < rowBytes; i++) row[i] = bytes[from + i]! + row[i - step]!;
    for (let b = 0; b < size; b++) {
      const plane = (size - 1 - b) * count;
      for (let i = 0; i < count; i++) bytes[from + i * size + b] = row[plane + i]!;
    }
  }
}

/** IEEE 754 binary16 → float32, exactly. */
function halfFloats(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const sign = half & 0x8000 ? -1 : 1;
    if (exponent === 31) values[i] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else values[i] = sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  }
  return values;
}
