import { deflateSync, inflateSync } from "node:zlib";
import { createVolume, ImageFileError, UnsupportedError, type Volume } from "@nnunet/core";
import { writeFileAtomic } from "@nnunet/core/node";
import { readPrefix, readWhole } from "../files/bounded-file.ts";
import type { ReadImageOptions } from "../image-format.ts";
import type { ImageInfo } from "../image-info.ts";
import { planeGeometry } from "../geometry/plane-geometry.ts";
import { encodePngChunk, pngChunks, pngSignature } from "./png-chunks.ts";
import { interleaved, planar } from "../voxels/stored-voxels.ts";
import { narrowestUnsigned } from "../voxels/unsigned-voxels.ts";

/*
 * PNG by ourselves: every chunk's CRC and zlib's checksum are verified, so a damaged file is always noticed.
 */

interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlaced: boolean;
  /** Values per pixel in the file; a palette index is one. */
  readonly samples: number;
}

const samplesOfColour: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depthsOfColour: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/**
 * Reads a PNG image: [channel, 1, y, x] of uint8, or uint16 for 16 bits. Greys of 1, 2 and 4 bits are spread over 0–255,
 * a palette becomes its colours (or, if asked for, its indices), alpha is a channel of its own: what libpng and ITK give.
 *
 * @throws {ImageFileError} if the file is damaged, cut off or not a PNG
 */
export async function readPng(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  const chunks = pngChunks(await readWhole(path), path);
  const header = parseHeader(chunks[0]?.type === "IHDR" ? chunks[0].content : Buffer.alloc(0), path);
  const packed = Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ content }) => content));
  const unknown = chunks.find(({ type }) => /^[A-Z]/.test(type) && !["IHDR", "PLTE", "IDAT", "IEND"].includes(type));
  if (unknown) throw new ImageFileError(path, unknown.type, "a chunk of this type cannot be read");
  const passes = header.interlaced ? adam7 : [[0, 0, 1, 1] as const];
  const bitsPerPixel = header.samples * header.depth;
  const size = (pass: (typeof passes)[number]) => {
    const columns = Math.max(0, Math.ceil((header.width - pass[0]) / pass[2]));
    const rows = columns === 0 ? 0 : Math.max(0, Math.ceil((header.height - pass[1]) / pass[3]));
    return { columns, rows, rowBytes: Math.ceil((columns * bitsPerPixel) / 8) };
  };
  const length = passes.map(size).reduce((n, { rows, rowBytes }) => n + rows * (rowBytes + 1), 0);
  const bytes = inflate(packed, length, path);

  const { width, height, depth, samples } = header;
  const pixels = depth === 16 ? new Uint16Array(width * height * samples) : new Uint8Array(width * height * samples);
  let at = 0;
  for (const pass of passes) {
    const { columns, rows, rowBytes } = size(pass);
    unfilter(bytes, at, rows, rowBytes, Math.max(1, bitsPerPixel >> 3), path);
    for (let row = 0; row < rows; row++) {
      const from = at + row * (rowBytes + 1) + 1;
      if (depth === 8 && !header.interlaced) {
        pixels.set(bytes.subarray(from, from + rowBytes), row * rowBytes);
        continue;
      }
      const y = pass[1] + row * pass[3];
      for (let column = 0; column < columns; column++) {
        const to = (y * width + pass[0] + column * pass[2]) * samples;
        for (let s = 0; s < samples; s++) pixels[to + s] = sample(bytes, from, column * samples + s, depth);
      }
    }
    at += rows * (rowBytes + 1);
  }
  if (header.colour === 3) {
    const palette = chunks.find(({ type }) => type === "PLTE")?.content;
    if (options.palette === "indices") return volumeOf(pixels, 1, header);
    return volumeOf(paletteColours(pixels as Uint8Array, palette, path), 3, header);
  }
  if (depth < 8) for (let i = 0; i < pixels.length; i++) pixels[i] = (pixels[i]! * 255) / ((1 << depth) - 1);
  return volumeOf(pixels, samples, header);
}

export async function readPngInfo(path: string, options: ReadImageOptions = {}): Promise<ImageInfo> {
  const { bytes } = await readPrefix(path, 33);
  if (!bytes.subarray(0, 8).equals(pngSignature)) {
    throw new ImageFileError(path, "signature", "this is no PNG file, whatever its name says");
  }
  const header = parseHeader(bytes.subarray(16, 29), path);
  const channels = header.colour === 3 && options.palette !== "indices" ? 3 : header.samples;
  return {
    shape: [channels, 1, header.height, header.width],
    geometry: planeGeometry,
    dataType: header.depth === 16 ? "uint16" : "uint8",
    format: "PNG",
  };
}

/** Writes what {@link encodePng} makes. */
export async function writePng(path: string, volume: Volume): Promise<void> {
  await writeFileAtomic(path, encodePng(volume));
}

/**
 * A 2D image of one to four channels as the bytes of a PNG file of 8 bits, or 16 where a value needs them.
 *
 * @throws {UnsupportedError} for more than one slice, more than four channels, or values that are not whole numbers
 *   from 0 to 65535
 */
export function encodePng(volume: Volume): Buffer {
  const [channels, nz, height, width] = volume.shape;
  if (nz !== 1 || channels > 4) {
    throw new UnsupportedError(`an image of ${nz} slices and ${channels} channels as PNG`, "use .nii.gz");
  }
  const narrow = narrowestUnsigned(volume.data, "PNG");
  const pixels = channels === 1 ? narrow : interleaved(narrow, channels);
  const bytes = pixels.BYTES_PER_ELEMENT;
  const rows = Buffer.alloc(height * (1 + width * channels * bytes));
  let at = 0;
  for (let y = 0; y < height; y++) {
    rows[at++] = 0; // filter type "none"
    for (let i = y * width * channels; i < (y + 1) * width * channels; i++) {
      if (bytes === 2) rows[at++] = pixels[i]! >> 8;
      rows[at++] = pixels[i]! & 0xff;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8 * bytes;
  header[9] = [0, 4, 2, 6][channels - 1]!;
  const parts = [
    pngSignature,
    encodePngChunk("IHDR", header),
    encodePngChunk("IDAT", deflateSync(rows)),
    encodePngChunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat(parts);
}

/** libpng's own default. */
const longestSide = 1_000_000;
const mostBytes = 2 ** 31;

/** First column and row, step in columns and rows of the seven passes. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function parseHeader(content: Buffer, path: string): PngHeader {
  if (content.length !== 13)
    throw new ImageFileError(path, "IHDR", "the image header is missing or has a wrong length");
  const [width, height] = [content.readUInt32BE(0), content.readUInt32BE(4)];
  const [depth, colour, method, filter, interlace] = [...content.subarray(8)] as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (Math.max(width, height) > longestSide) {
    const problem = `${width} × ${height} pixels, of which ${longestSide} along a side can be read; cut the picture up`;
    throw new ImageFileError(path, "IHDR", problem);
  }
  if (!(width > 0 && height > 0))
    throw new ImageFileError(path, "IHDR", `expected a width and a height, got ${width} × ${height}`);
  if (!depthsOfColour[colour]?.includes(depth) || method !== 0 || filter !== 0 || interlace > 1) {
    const got = `colour type ${colour}, ${depth} bits, methods ${method}, ${filter}, ${interlace}`;
    throw new ImageFileError(path, "IHDR", `${got} is not a form of PNG`);
  }
  return { width, height, depth, colour, interlaced: interlace === 1, samples: samplesOfColour[colour]! };
}

function inflate(packed: Buffer, length: number, path: string): Buffer {
  if (length > mostBytes) {
    throw new ImageFileError(
      path,
      "IHDR",
      `it promises ${length} bytes of pixels, more than ${mostBytes}; cut the picture up`,
    );
  }
  // DEFLATE cannot do better than 1032 : 1, so a header that promises more is not worth the memory.
  if (length > packed.length * 1032) {
    throw new ImageFileError(
      path,
      "IHDR",
      `it promises ${length} bytes of pixels, which ${packed.length} compressed ones cannot hold`,
    );
  }
  let bytes: Buffer;
  try {
    bytes = inflateSync(packed, { maxOutputLength: length + 1 });
  } catch (error) {
    const problem =
      (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
        ? `there are more pixels than the ${length} bytes that the header promises`
        : `the compressed pixels are damaged (${(error as Error).message}); get the file again`;
    throw new ImageFileError(path, "IDAT", problem, { cause: error });
  }
  if (bytes.length !== length) {
    throw new ImageFileError(path, "IDAT", `the header promises ${length} bytes of pixels, there are ${bytes.length}`);
  }
  return bytes;
}

/** Undoes the row filters in place; each row is preceded by its filter type. */
function unfilter(bytes: Buffer, start: number, rows: number, rowBytes: number, step: number, path: string): void {
  for (let row = 0; row < rows; row++) {
    const at = start + row * (rowBytes + 1);
    const filter = bytes[at]!;
    if (filter > 4)
      throw new ImageFileError(path, "IDAT", `row ${row} has a filter of type ${filter}, there are 0 to 4`);
    if (filter === 0) continue;
    const above = row > 0 ? at - rowBytes - 1 : -1;
    for (let i = 1; i <= rowBytes; i++) {
      const a = i > step ? bytes[at + i - step]! : 0;
      const b = above < 0 ? 0 : bytes[above + i]!;
      const c = above < 0 || i <= step ? 0 : bytes[above + i - step]!;
      const predicted = filter === 1 ? a : filter === 2 ? b : filter === 3 ? (a + b) >> 1 : paeth(a, b, c);
      bytes[at + i] = bytes[at + i]! + predicted;
    }
  }
}

function paeth(a: number, b: number, c: number): number {
  const p = a + b - c;
  const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

function sample(bytes: Buffer, from: number, index: number, depth: number): number {
  if (depth === 8) return bytes[from + index]!;
  if (depth === 16) return (bytes[from + 2 * index]! << 8) | bytes[from + 2 * index + 1]!;
  const bit = index * depth;
  return (bytes[from + (bit >> 3)]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

function paletteColours(indices: Uint8Array, palette: Buffer | undefined, path: string): Uint8Array {
  if (!palette || palette.length % 3 !== 0)
    throw new ImageFileError(path, "PLTE", "the palette is missing or has a wrong length");
  const colours = new Uint8Array(3 * indices.length);
  for (let i = 0; i < indices.length; i++) {
    const from = 3 * indices[i]!;
    if (from >= palette.length) throw new ImageFileError(path, "PLTE", `there is no colour ${indices[i]}`);
    for (let c = 0; c < 3; c++) colours[3 * i + c] = palette[from + c]!;
  }
  return colours;
}

function volumeOf(pixels: Uint8Array | Uint16Array, channels: number, { width, height }: PngHeader): Volume {
  return createVolume(channels === 1 ? pixels : planar(pixels, channels), [channels, 1, height, width], planeGeometry);
}
