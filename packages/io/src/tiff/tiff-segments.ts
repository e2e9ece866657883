import { inflateSync } from "node:zlib";
import { ImageFileError, UnsupportedError, type VoxelArray } from "@nnunet/core";
import { decompress as unpackZstd } from "fzstd";
import type { ByteSource } from "../files/byte-source.ts";
import { decodeJpeg, type JpegPicture } from "../jpeg/decode-jpeg.ts";
import { JpegDamage } from "../jpeg/huffman.ts";
import { JpegFeature } from "../jpeg/jpeg-stream.ts";
import { unpackFax } from "./fax.ts";
import { unpackLzw } from "./lzw.ts";
import { unpackBits } from "./pack-bits.ts";
import { rowBytesOf, type TiffPage } from "./tiff-page.ts";
import { segmentSamples } from "./tiff-samples.ts";
import { compressions, photometrics, tagName, tags } from "./tiff-tags.ts";

/** A strip, a tile, or a piece of an uncompressed strip, with its values. */
export interface TiffSegment {
  /** Of the sample that it holds alone where planes lie apart, else 0. */
  readonly plane: number;
  /** First pixel. */
  readonly x: number;
  readonly y: number;
  /** Pixels; a tile may reach beyond the image. */
  readonly columns: number;
  readonly rows: number;
  /** [row, column, sample] */
  readonly values: VoxelArray;
}

/** An uncompressed strip is read in pieces of about this size, as it may be the whole stack. */
const pieceBytes = 8 * 2 ** 20;

/**
 * Reads and decodes the strips or tiles of a page, one at a time.
 *
 * @param jpegTables - content of the JPEGTables tag
 * @param shift - bytes to add to every offset, for images that follow the first without directories
 * @throws {ImageFileError} if one of them is damaged or ends early
 */
export async function* readTiffSegments(
  source: ByteSource,
  page: TiffPage,
  jpegTables: Buffer | undefined,
  where: string,
  shift = 0,
): AsyncGenerator<TiffSegment> {
  const { width, height, segmentWidth, segmentHeight, isTiled, isPlanar } = page;
  const across = Math.ceil(width / segmentWidth);
  const down = Math.ceil(height / segmentHeight);
  const samples = isPlanar ? 1 : page.samples;
  const rowBytes = rowBytesOf(segmentWidth, samples, page.bits);
  for (const [i, offset] of page.offsets.entries()) {
    const plane = Math.floor(i / (across * down));
    const x = (i % across) * segmentWidth;
    const y = (Math.floor(i / across) % down) * segmentHeight;
    const rows = isTiled ? segmentHeight : Math.min(segmentHeight, height - y);
    const name = `${where}${isTiled ? "tile" : "strip"} ${i + 1}`;
    if (page.compression === compressions.none) {
      const atOnce = Math.max(1, Math.floor(pieceBytes / rowBytes));
      for (let row = 0; row < rows; row += atOnce) {
        const count = Math.min(atOnce, rows - row);
        const bytes = new Uint8Array(await source.read(offset + shift + row * rowBytes, count * rowBytes));
        if (page.bitsAreReversed) reverseBits(bytes);
        const values = segmentSamples(bytes, page, segmentWidth, count, samples, source.path);
        yield { plane, x, y: y + row, columns: segmentWidth, rows: count, values };
      }
      continue;
    }
    const stored = await source.read(offset + shift, page.counts[i]!);
    if (page.compression === compressions.jpeg) {
      const picture = decodeJpegSegment(stored, jpegTables, page, rows, samples, name, source.path);
      yield { plane, x, y, columns: picture.width, rows: picture.height, values: picture.samples };
      continue;
    }
    const packed = page.bitsAreReversed ? reverseBits(new Uint8Array(stored)) : stored;
    const bytes = decompress(packed, page, rows * rowBytes, segmentHeight * rowBytes, name, source.path);
    const values = segmentSamples(bytes, page, segmentWidth, rows, samples, source.path);
    yield { plane, x, y, columns: segmentWidth, rows, values };
  }
}

/**
 * @param length - bytes that are needed
 * @param most - bytes that the strip may have: the last one is sometimes as high as the others
 */
function decompress(
  packed: Uint8Array,
  { compression, isTiled, fax, segmentWidth }: TiffPage,
  length: number,
  most: number,
  name: string,
  path: string,
): Uint8Array {
  const field = tagName(isTiled ? tags.TileOffsets : tags.StripOffsets);
  let bytes: Uint8Array;
  try {
    if (compression === compressions.lzw) bytes = unpackLzw(packed, length);
    else if (compression === compressions.packBits) bytes = unpackBits(packed, length);
    else if (fax) bytes = unpackFax(packed, segmentWidth, length / Math.ceil(segmentWidth / 8), fax);
    else if (compression === compressions.zstd) bytes = unpackZstd(packed, new Uint8Array(most));
    else bytes = inflateSync(packed, { maxOutputLength: most });
  } catch (error) {
    const tooMuch = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    const problem = tooMuch
      ? `${name} holds more than its ${most} bytes of pixels; the header is wrong`
      : `the compressed pixels of ${name} are damaged (${(error as Error).message}); get the file again`;
    throw new ImageFileError(path, field, problem, { cause: error });
  }
  if (bytes.length < length) {
    const problem = `${name} needs ${length} bytes of pixels, its compressed data give ${bytes.length}; the file is damaged`;
    throw new ImageFileError(path, field, problem);
  }
  return bytes.length === length ? bytes : bytes.subarray(0, length);
}

/** A stream of its own, but for the tables; the page says what its components mean. */
function decodeJpegSegment(
  bytes: Uint8Array,
  tables: Uint8Array | undefined,
  page: TiffPage,
  rows: number,
  samples: number,
  name: string,
  path: string,
): JpegPicture {
  const field = tagName(page.isTiled ? tags.TileOffsets : tags.StripOffsets);
  const colours = page.photometric === photometrics.yCbCr ? "YCbCr" : "as they are";
  let picture: JpegPicture;
  try {
    picture = decodeJpeg(bytes, { tables, colours });
  } catch (error) {
    if (error instanceof JpegFeature)
      throw new UnsupportedError(`TIFF with ${error.message} (${path})`, "save it as PNG");
    if (!(error instanceof JpegDamage)) throw error;
    const problem = `the JPEG of ${name}: ${error.message}`;
    throw new ImageFileError(path, field, problem, { cause: error });
  }
  const { width, height, channels, precision } = picture;
  if (width < page.segmentWidth || height < rows || channels !== samples || precision !== page.bits) {
    const got = `${width} × ${height} pixels of ${channels} × ${precision} bits`;
    const wanted = `${page.segmentWidth} × ${rows} of ${samples} × ${page.bits}`;
    throw new ImageFileError(path, field, `the JPEG of ${name} has ${got}, the header says ${wanted}`);
  }
  return picture;
}

const reversed = Uint8Array.from({ length: 256 }, (_, byte) => {
  let turned = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) turned |= 0x80 >> bit;
  return turned;
});

function reverseBits(bytes: Uint8Array): Uint8Array {
  for (let i = 0; i < bytes.length; i++) bytes[i] = reversed[bytes[i]!]!;
  return bytes;
}
