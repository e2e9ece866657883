import { createVolume, ImageFileError, UnsupportedError, type Volume } from "@nnunet/core";
import { writeFileAtomic } from "@nnunet/core/node";
import { readWhole } from "../files/bounded-file.ts";
import { planeGeometry } from "../geometry/plane-geometry.ts";
import type { ReadImageOptions } from "../image-format.ts";
import type { ImageInfo } from "../image-info.ts";
import { narrowestUnsigned } from "../voxels/unsigned-voxels.ts";
import { type BmpHeader, bmpChannels, parseBmpHeader, rowBytesOf } from "./bmp-header.ts";
import { RunLengthDamage, unpackRunLength } from "./run-length.ts";

/**
 * Reads a BMP picture: [channel, 1, y, x] of uint8. A palette of greys is one channel, of colours three, unless its
 * indices are asked for; alpha is the
 * fourth where a mask names it, and only there. Colours of fewer than 8 bits are spread over 0–255, rounded down, as by
 * Pillow.
 *
 * @throws {ImageFileError} if the file is damaged, cut off or not a BMP
 * @throws {UnsupportedError} for JPEG, PNG and fax inside BMP
 */
export async function readBmp(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  const bytes = await readWhole(path);
  const header = shownBy(parseBmpHeader(bytes, path), options);
  const { width, height, palette } = header;
  const channels = bmpChannels(header);
  const data = new Uint8Array(channels * width * height);
  if (palette) lookUp(indicesOf(bytes, header, path), palette, channels, data, path);
  else separate(bytes, header, channels, data);
  if (!header.isTopDown) turnRows(data, channels * height, height, width);
  return createVolume(data, [channels, 1, height, width], planeGeometry);
}

export async function readBmpInfo(path: string, options: ReadImageOptions = {}): Promise<ImageInfo> {
  const header = shownBy(parseBmpHeader(await readWhole(path), path), options);
  const shape = [bmpChannels(header), 1, header.height, header.width] as const;
  return { shape, geometry: planeGeometry, dataType: "uint8", format: "BMP" };
}

/**
 * Writes a 2D image of one channel (256 greys) or three (24 bits).
 *
 * @throws {UnsupportedError} for more slices or channels, and for values that are not whole numbers from 0 to 255
 */
export async function writeBmp(path: string, volume: Volume): Promise<void> {
  const [channels, slices, height, width] = volume.shape;
  if (slices !== 1 || (channels !== 1 && channels !== 3)) {
    throw new UnsupportedError(`an image of ${slices} slices and ${channels} channels as BMP`, "use .nii.gz");
  }
  const narrow = narrowestUnsigned(volume.data, "BMP");
  if (narrow instanceof Uint16Array) throw new UnsupportedError("a value above 255 in a BMP file", "use .png");
  const rowBytes = rowBytesOf(width, 8 * channels);
  const colours = channels === 1 ? 256 : 0;
  const start = 54 + 4 * colours;
  const bytes = Buffer.alloc(start + rowBytes * height);
  bytes.write("BM", "latin1");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(start, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(8 * channels, 28);
  bytes.writeUInt32LE(rowBytes * height, 34);
  bytes.writeUInt32LE(colours, 46);
  for (let i = 0; i < colours; i++) bytes.fill(i, 54 + 4 * i, 57 + 4 * i);
  for (let y = 0; y < height; y++) {
    const to = start + (height - 1 - y) * rowBytes;
    for (let c = 0; c < channels; c++) {
      // Blue comes first.
      const from = ((channels - 1 - c) * height + y) * width;
      for (let x = 0; x < width; x++) bytes[to + x * channels + c] = narrow[from + x]!;
    }
  }
  await writeFileAtomic(path, bytes);
}

/** Where indices are asked for, each colour of a palette is its own number. */
function shownBy(header: BmpHeader, { palette }: ReadImageOptions): BmpHeader {
  if (palette !== "indices" || bmpChannels(header) !== 3 || !header.palette) return header;
  return { ...header, palette: header.palette.map((_, index) => [index, index, index] as const) };
}

/** An index per pixel, in the file's order of rows. */
function indicesOf(bytes: Buffer, header: BmpHeader, path: string): Uint8Array {
  const { width, height, bits, pixelOffset } = header;
  if (header.isRunLength) {
    try {
      return unpackRunLength(bytes.subarray(pixelOffset), width, height, bits as 4 | 8);
    } catch (error) {
      if (!(error instanceof RunLengthDamage)) throw error;
      throw new ImageFileError(path, "", `${error.message}; the file is damaged, get it again`, { cause: error });
    }
  }
  const indices = new Uint8Array(width * height);
  const rowBytes = rowBytesOf(width, bits);
  const mask = 2 ** bits - 1;
  for (let row = 0; row < height; row++) {
    const from = pixelOffset + row * rowBytes;
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      indices[row * width + x] = (bytes[from + (bit >> 3)]! >> (8 - bits - (bit & 7))) & mask;
    }
  }
  return indices;
}

function lookUp(
  indices: Uint8Array,
  palette: NonNullable<BmpHeader["palette"]>,
  channels: number,
  out: Uint8Array,
  path: string,
): void {
  for (const [i, index] of indices.entries()) {
    const colour = palette[index];
    if (!colour) {
      const problem = `a pixel has the colour ${index}, the palette has ${palette.length}; the file is damaged`;
      throw new ImageFileError(path, "palette", problem);
    }
    for (let c = 0; c < channels; c++) out[c * indices.length + i] = colour[c]!;
  }
}

/** Colours out of pixels of 16, 24 or 32 bits. */
function separate(bytes: Buffer, header: BmpHeader, channels: number, out: Uint8Array): void {
  const { width, height, bits, pixelOffset, masks } = header;
  const rowBytes = rowBytesOf(width, bits);
  const size = bits / 8;
  for (let c = 0; c < channels; c++) {
    const mask = masks[c]!;
    const lowest = Math.log2((mask & -mask) >>> 0);
    const largest = mask / 2 ** lowest;
    let to = c * width * height;
    for (let row = 0; row < height; row++) {
      let from = pixelOffset + row * rowBytes;
      for (let x = 0; x < width; x++, from += size) {
        const pixel = bytes.readUIntLE(from, size);
        out[to++] = Math.floor((((pixel & mask) >>> lowest) * 255) / largest);
      }
    }
  }
}

function turnRows(data: Uint8Array, rows: number, rowsPerPlane: number, width: number): void {
  for (let first = 0; first < rows; first += rowsPerPlane) {
    for (let y = 0; y < rowsPerPlane >> 1; y++) {
      const [a, b] = [(first + y) * width, (first + rowsPerPlane - 1 - y) * width];
      const upper = data.slice(a, a + width);
      data.copyWithin(a, b, b + width);
      data.set(upper, b);
    }
  }
}
