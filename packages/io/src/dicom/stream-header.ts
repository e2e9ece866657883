import { ImageFileError } from "@nnunet/core";
import type { StreamCodec } from "./frame-decoder.ts";
import { latin1, uint16, uint32 } from "./numbers-in-bytes.ts";
import type { PixelFormat } from "./pixel-format.ts";

/** What a compressed frame says of itself before it is decoded. */
export interface StreamHeader {
  readonly columns: number;
  readonly rows: number;
  readonly components: number;
  readonly bits: number;
}

/**
 * Reads the size in a compressed frame, and holds it against the file's header: before a decoder takes memory for it.
 *
 * @throws {ImageFileError} if the stream is of another kind, size or number of colours than the header says
 */
export function checkStream(stream: Uint8Array, codec: StreamCodec, format: PixelFormat, path: string): StreamHeader {
  const header = codec === "jpeg2000" || codec === "htj2k" ? jpeg2000Header(stream) : jpegHeader(stream);
  const fail = (problem: string) => new ImageFileError(path, "PixelData", problem);
  if (!header) throw fail(`the compressed pixels do not begin like ${names[codec]}; the file is damaged`);
  const { columns, rows, components, bits } = header;
  if (columns !== format.columns || rows !== format.rows || components !== format.samples) {
    const inside = `${columns} × ${rows} pixels of ${components} components`;
    throw fail(
      `the compressed picture has ${inside}, the header says ${format.columns} × ${format.rows} of ${format.samples}`,
    );
  }
  if (bits > format.bitsAllocated) {
    throw fail(`the compressed picture has ${bits} bits, BitsAllocated says ${format.bitsAllocated}`);
  }
  if (!ends(stream)) throw fail(`the ${names[codec]} data do not end with their mark; the file is cut off or damaged`);
  return header;
}

/** Decoders take what is missing for zeros. JPEG's end of image and JPEG 2000's end of code stream are the same bytes. */
function ends(stream: Uint8Array): boolean {
  let end = stream.length;
  // Fragments are padded to an even length, or further.
  while (end > 2 && (stream[end - 1] === 0 || stream[end - 1] === 0xff)) end--;
  return stream[end - 2] === 0xff && stream[end - 1] === 0xd9;
}

export const names: Readonly<Record<StreamCodec, string>> = {
  jpeg: "JPEG",
  jpegLossless: "lossless JPEG",
  jpegLs: "JPEG-LS",
  jpeg2000: "JPEG 2000",
  htj2k: "high-throughput JPEG 2000",
};

/** The start-of-frame marker: all but the tables and arithmetic coding's conditions among 0xc0 to 0xcf, and JPEG-LS's. */
function jpegHeader(stream: Uint8Array): StreamHeader | undefined {
  if (stream.length < 4 || uint16(stream, 0, false) !== 0xffd8) return undefined;
  for (let at = 2; at + 4 <= stream.length; ) {
    if (stream[at] !== 0xff) return undefined;
    const marker = stream[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (isFrame(marker)) {
      if (at + 10 > stream.length) return undefined;
      const [bits, rows] = [stream[at + 4]!, uint16(stream, at + 5, false)];
      return { bits, rows, columns: uint16(stream, at + 7, false), components: stream[at + 9]! };
    }
    if (marker === 0xda || marker === 0xd9) return undefined;
    at += 2 + uint16(stream, at + 2, false);
  }
  return undefined;
}

function isFrame(marker: number): boolean {
  return marker === 0xf7 || (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc);
}

/** The size of a code stream, which may lie in JPEG 2000's file format. */
function jpeg2000Header(stream: Uint8Array): StreamHeader | undefined {
  const at = codestreamAt(stream);
  if (at === undefined || at + 45 > stream.length) return undefined;
  const size = at + 2;
  if (uint32(stream, at, false) !== 0xff4fff51) return undefined;
  const number = (offset: number) => uint32(stream, size + offset, false);
  const components = uint16(stream, size + 38, false);
  if (components === 0 || size + 40 + 3 * components > stream.length) return undefined;
  const described = Array.from({ length: components }, (_, c) => stream.subarray(size + 40 + 3 * c, size + 43 + 3 * c));
  // Components of other sizes or bits than the first are no pixels of DICOM.
  if (!described.every(([ssiz, x, y]) => ssiz === described[0]![0] && x === 1 && y === 1)) return undefined;
  const bits = (described[0]![0]! & 0x7f) + 1;
  return { columns: number(6) - number(14), rows: number(10) - number(18), components, bits };
}

function codestreamAt(stream: Uint8Array): number | undefined {
  if (stream.length < 12) return undefined;
  if (uint16(stream, 0, false) === 0xff4f) return 0;
  for (let at = 0; at + 8 <= stream.length; ) {
    if (latin1(stream.subarray(at + 4, at + 8)) === "jp2c") return at + 8;
    const length = uint32(stream, at, false);
    if (length < 8) return undefined;
    at += length;
  }
  return undefined;
}
