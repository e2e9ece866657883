import { ImageFileError, UnsupportedError } from "@nnunet/core";
import { mostCompressedPixels } from "../voxels/picture-size.ts";

/*
 * The headers of BMP: OS/2 1 (12 bytes) and 2 (16, 64), Windows 3 (40, 52, 56), 4 (108) and 5 (124).
 */

export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  /** The first row in the file is the upper one. */
  readonly isTopDown: boolean;
  readonly bits: 1 | 2 | 4 | 8 | 16 | 24 | 32;
  readonly isRunLength: boolean;
  /** Red, green, blue and, unless 0, alpha within a pixel of 16, 24 or 32 bits. */
  readonly masks: readonly [number, number, number, number];
  /** [red, green, blue] of each index; undefined where pixels are colours themselves. */
  readonly palette: readonly (readonly [number, number, number])[] | undefined;
  readonly pixelOffset: number;
}

const headerSizes = [12, 16, 40, 52, 56, 64, 108, 124];

/**
 * @throws {ImageFileError} if the header makes no sense
 * @throws {UnsupportedError} for JPEG, PNG and fax inside BMP, by name
 */
export function parseBmpHeader(bytes: Buffer, path: string): BmpHeader {
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  const refuse = (feature: string): never => {
    throw new UnsupportedError(`${feature} (${path})`, "save it as PNG");
  };
  if (bytes.length < 18 || bytes.toString("latin1", 0, 2) !== "BM")
    fail("", "this is no BMP file, whatever its name says");
  const infoSize = bytes.readUInt32LE(14);
  if (!headerSizes.includes(infoSize)) fail("biSize", `expected one of ${headerSizes.join(", ")}, got ${infoSize}`);
  const headerEnd = 14 + infoSize;
  if (bytes.length < headerEnd) fail("", "it ends within its header; it is cut off");
  const isOld = infoSize === 12;
  const width = isOld ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
  const signedHeight = isOld ? bytes.readUInt16LE(20) : bytes.readInt32LE(22);
  const bits = bytes.readUInt16LE(isOld ? 24 : 28);
  const height = Math.abs(signedHeight);
  if (!(width > 0 && height > 0))
    fail("biWidth", `expected positive numbers of pixels, got ${width} × ${signedHeight}`);
  if (!isBits(bits))
    return bits === 0 ? refuse("BMP that contains a JPEG or PNG") : refuse(`BMP of ${bits} bits a pixel`);
  const isFull = infoSize >= 40;
  const compression = isFull ? bytes.readUInt32LE(30) : 0;
  checkCompression(compression, infoSize, bits, refuse, fail);

  const hasMasks = compression === 3 || compression === 6;
  const outside = hasMasks && infoSize === 40;
  const maskCount = compression === 6 || infoSize >= 56 ? 4 : 3;
  const maskEnd = outside ? headerEnd + 4 * maskCount : headerEnd;
  if (bytes.length < maskEnd) fail("", "it ends within its header; it is cut off");
  // Without masks alpha is not used, whatever lies there: 32 bits are three colours and a byte of nothing.
  const masks: [number, number, number, number] = bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0];
  if (hasMasks) for (let i = 0; i < 4; i++) masks[i] = i < maskCount ? bytes.readUInt32LE(54 + 4 * i) : 0;
  for (const [i, mask] of masks.entries()) {
    const isRun = mask !== 0 && Number.isInteger(Math.log2(mask / (mask & -mask) + 1));
    if (hasMasks && !(isRun || (i === 3 && mask === 0))) fail("masks", `a mask of 0x${mask.toString(16)} is no colour`);
  }

  let pixelOffset = bytes.readUInt32LE(10);
  let palette: BmpHeader["palette"];
  if (bits <= 8) {
    const entrySize = isOld ? 3 : 4;
    const stated = isFull ? bytes.readUInt32LE(46) : 0;
    const most = stated === 0 ? 2 ** bits : Math.min(stated, 2 ** bits);
    // Some files say that the pixels begin where the palette does.
    if (pixelOffset <= maskEnd) pixelOffset = maskEnd + entrySize * (stated === 0 ? 2 ** bits : stated);
    const count = Math.min(most, Math.floor((Math.min(pixelOffset, bytes.length) - maskEnd) / entrySize));
    palette = Array.from({ length: count }, (_, i) => {
      const at = maskEnd + i * entrySize;
      return [bytes[at + 2]!, bytes[at + 1]!, bytes[at]!] as const;
    });
  } else if (pixelOffset < maskEnd) {
    fail("bfOffBits", `the pixels begin at byte ${pixelOffset}, within the header`);
  }
  const isRunLength = compression === 1 || compression === 2;
  // The padding behind the last pixel need not be there.
  const end = pixelOffset + (height - 1) * rowBytesOf(width, bits) + Math.ceil((width * bits) / 8);
  if (!isRunLength && end > bytes.length) {
    fail("biHeight", `${width} × ${height} pixels need ${end} bytes, the file has ${bytes.length}; it is cut off`);
  }
  // Jumps over pixels cost four bytes, however far they go.
  if (isRunLength && width * height > mostCompressedPixels) {
    refuse(`run-length coded BMP of ${width} × ${height} pixels, more than ${mostCompressedPixels},`);
  }
  return { width, height, isTopDown: signedHeight < 0, bits, isRunLength, masks, palette, pixelOffset };
}

/** Rows are padded to a multiple of four bytes. */
export function rowBytesOf(width: number, bits: number): number {
  return 4 * Math.ceil((width * bits) / 32);
}

/** 1 for greys, 3 for colours, 4 with alpha. */
export function bmpChannels({ palette, masks }: BmpHeader): 1 | 3 | 4 {
  if (palette) return palette.every(([red, green, blue]) => red === green && green === blue) ? 1 : 3;
  return masks[3] === 0 ? 3 : 4;
}

function isBits(bits: number): bits is BmpHeader["bits"] {
  return [1, 2, 4, 8, 16, 24, 32].includes(bits);
}

function checkCompression(
  compression: number,
  infoSize: number,
  bits: number,
  refuse: (feature: string) => never,
  fail: (field: string, problem: string) => never,
): void {
  if (infoSize === 64 && compression === 3) refuse("BMP compressed as fax (Huffman 1D)");
  if (infoSize === 64 && compression === 4) refuse("BMP of run-length coded colours (RLE24)");
  if (compression === 4) refuse("BMP that contains a JPEG");
  if (compression === 5) refuse("BMP that contains a PNG");
  if (compression >= 11 && compression <= 13) refuse("BMP of CMYK colours");
  const wanted: Readonly<Record<number, readonly number[]>> = {
    0: [1, 2, 4, 8, 16, 24, 32],
    1: [8],
    2: [4],
    3: [16, 32],
    6: [16, 32],
  };
  if (wanted[compression] === undefined) refuse(`BMP of compression ${compression}`);
  if (!wanted[compression]!.includes(bits)) fail("biCompression", `compression ${compression} of ${bits} bits a pixel`);
}
