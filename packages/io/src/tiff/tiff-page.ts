import { ImageFileError, UnsupportedError } from "@nnunet/core";
import type { ByteSource } from "../files/byte-source.ts";
import { mostCompressedPixels } from "../voxels/picture-size.ts";
import type { FaxKind } from "./fax.ts";
import type { StoredType } from "../voxels/stored-voxels.ts";
import { type ReadingBudget, type TiffDirectory, type TiffEntry, tagNumbers } from "./tiff-directory.ts";
import {
  compressions,
  foreignCompressions,
  foreignPhotometrics,
  photometrics,
  type tags as tagTable,
  tagName,
  tags,
} from "./tiff-tags.ts";

/** How the pixels of one directory lie in the file; everything checked against the file's size. */
export interface TiffPage {
  readonly width: number;
  readonly height: number;
  /** Values per pixel in the file; a palette index is one. */
  readonly samples: number;
  /** Bits of one value in the file. */
  readonly bits: number;
  readonly format: "uint" | "int" | "float";
  readonly photometric: number;
  readonly compression: number;
  /** One plane per sample instead of RGB RGB …. */
  readonly isPlanar: boolean;
  /** 1 none, 2 difference to the pixel before, 3 the same for the bytes of floats. */
  readonly predictor: number;
  readonly bitsAreReversed: boolean;
  readonly littleEndian: boolean;
  readonly isTiled: boolean;
  /** Pixels of a tile; of a strip, the last of which may be lower. */
  readonly segmentWidth: number;
  readonly segmentHeight: number;
  /** Where each strip or tile begins and how many bytes it has: row by row, plane by plane. */
  readonly offsets: readonly number[];
  readonly counts: readonly number[];
  readonly jpegTables: TiffEntry | undefined;
  /** How the rows lie if they are compressed as fax. */
  readonly fax: FaxKind | undefined;
  readonly colorMap: TiffEntry | undefined;
}

/** Bytes that one byte can become at most, so that a header that promises more is refused before memory is taken. */
const largestRatios: Readonly<Record<number, number>> = {
  [compressions.none]: 1,
  [compressions.packBits]: 64, // 128 equal bytes from two
  [compressions.deflate]: 1032, // 258 bytes from two bits
  [compressions.oldDeflate]: 1032,
  [compressions.lzw]: 2560, // 3838 bytes from twelve bits
  [compressions.jpeg]: 4096, // 64 samples from a bit, chroma of 12 bits over eight pixels
  [compressions.zstd]: 2 ** 15, // a block of 128 KiB from four bytes
  // A white row of any width from a bit; wider pages than this are not faxed.
  [compressions.faxRuns]: 2 ** 14,
  [compressions.fax3]: 2 ** 14,
  [compressions.fax4]: 2 ** 14,
  [compressions.faxRunsOfWords]: 2 ** 14,
};

/** A strip or tile is decoded as a whole. Strips may be whole images; tiles are there to be small. */
const largestStrip = 2 ** 30;
const largestTile = 2 ** 28;

/**
 * @param number - of the page, from 1, for errors
 * @throws {ImageFileError} naming the tag that is wrong
 * @throws {UnsupportedError} naming what cannot be read
 */
export async function readTiffPage(
  source: ByteSource,
  budget: ReadingBudget,
  directory: TiffDirectory,
  number: number,
): Promise<TiffPage> {
  const { path } = source;
  const onPage = number === 1 ? "" : `page ${number}: `;
  const fail = (tag: number, problem: string): never => {
    throw new ImageFileError(path, tagName(tag), onPage + problem);
  };
  const refuse = (feature: string, hint = "save it as plain TIFF or .nii.gz"): never => {
    throw new UnsupportedError(`${feature} (${path}${number === 1 ? "" : `, page ${number}`})`, hint);
  };
  const all = (tag: number) => tagNumbers(source, budget, directory, tag);
  const one = async (name: keyof typeof tagTable, absent?: number): Promise<number> =>
    (await all(tags[name]))?.[0] ?? absent ?? fail(tags[name], "this tag is missing");

  const [width, height, samples] = [await one("ImageWidth"), await one("ImageLength"), await one("SamplesPerPixel", 1)];
  if (!(width > 0 && height > 0 && samples > 0)) {
    fail(tags.ImageWidth, `${width} × ${height} pixels of ${samples} samples are not an image`);
  }
  if ((await one("ImageDepth", 1)) !== 1) refuse("TIFF with several slices in one page (ImageDepth)");
  const same = async (name: "BitsPerSample" | "SampleFormat"): Promise<number> => {
    const values = (await all(tags[name])) ?? [1];
    const differs = values.slice(0, samples).find((value) => value !== values[0]);
    if (differs !== undefined) refuse(`TIFF whose channels differ in ${name} (${values[0]} and ${differs})`);
    return values[0] ?? fail(tags[name], "it has no value");
  };
  const bits = await same("BitsPerSample");
  const format = formatOf(await same("SampleFormat"), bits, refuse);

  const compression = await one("Compression", 1);
  const ratio = largestRatios[compression];
  if (ratio === undefined) {
    const name = foreignCompressions[compression] ?? `compression ${compression}`;
    return refuse(`TIFF compressed by ${name}`, "save it uncompressed, or compressed by deflate or LZW");
  }
  const photometric = await one("PhotometricInterpretation", photometrics.blackIsZero);
  checkColours(photometric, samples, bits, compression, { fail, refuse });
  if (compression === compressions.jpeg && !(format === "uint" && (bits === 8 || bits === 12))) {
    fail(tags.BitsPerSample, `JPEG holds whole numbers of 8 or 12 bits, not ${bits}`);
  }
  const fax = faxKind(compression, await one("T4Options", 0));
  if (fax && !(bits === 1 && samples === 1))
    fail(tags.BitsPerSample, `fax holds one sample of one bit, not ${samples} of ${bits}`);
  if (fax && width * height > mostCompressedPixels) {
    refuse(`fax TIFF of ${width} × ${height} pixels, more than ${mostCompressedPixels},`);
  }
  if (compression === compressions.fax4 && ((await one("T6Options", 0)) & 2) !== 0)
    refuse("fax TIFF with uncompressed parts");
  const predictor = compression === compressions.jpeg ? 1 : await one("Predictor", 1);
  const fitsPredictor =
    predictor === 1 ||
    (predictor === 2 && [8, 16, 32, 64].includes(bits)) ||
    (predictor === 3 && format === "float" && bits >= 16);
  if (!fitsPredictor) refuse(`TIFF with predictor ${predictor} of ${bits}-bit ${format} values`);
  const fillOrder = await one("FillOrder", 1);
  if (fillOrder !== 1 && fillOrder !== 2) fail(tags.FillOrder, `expected 1 or 2, got ${fillOrder}`);
  const planar = await one("PlanarConfiguration", 1);
  if (planar !== 1 && planar !== 2) fail(tags.PlanarConfiguration, `expected 1 or 2, got ${planar}`);

  if (photometric === photometrics.yCbCr && (samples !== 3 || planar !== 1)) {
    refuse("TIFF of YCbCr colours that lie apart or have company", "save it as RGB");
  }

  const isTiled = directory.entries.has(tags.TileOffsets);
  const rowsPerStrip = isTiled ? 0 : await one("RowsPerStrip", height);
  const segmentWidth = isTiled ? await one("TileWidth") : width;
  const segmentHeight = isTiled ? await one("TileLength") : Math.min(rowsPerStrip, height);
  if (!(segmentWidth > 0 && segmentHeight > 0)) {
    const tag = isTiled ? tags.TileWidth : tags.RowsPerStrip;
    fail(tag, `${segmentWidth} × ${segmentHeight} pixels are no ${isTiled ? "tile" : "strip"}`);
  }
  const isPlanar = planar === 2 && samples > 1;
  const across = Math.ceil(width / segmentWidth);
  const down = Math.ceil(height / segmentHeight);
  const segments = across * down * (isPlanar ? samples : 1);
  const [offsetTag, countTag] = isTiled
    ? [tags.TileOffsets, tags.TileByteCounts]
    : [tags.StripOffsets, tags.StripByteCounts];
  const what = isTiled ? "tile" : "strip";
  const entry = directory.entries.get(offsetTag) ?? fail(offsetTag, "this tag is missing");
  if (entry.count < segments) {
    fail(offsetTag, `${width} × ${height} pixels have ${segments} ${what}s, the file names ${entry.count}`);
  }
  const offsets = (await all(offsetTag))!;
  const rowBytes = rowBytesOf(segmentWidth, isPlanar ? 1 : samples, bits);
  const rowsOf = (i: number) =>
    isTiled ? segmentHeight : Math.min(segmentHeight, height - segmentHeight * (i % down));
  const stated = await all(countTag);
  if (stated !== undefined && stated.length < segments) {
    fail(countTag, `expected the bytes of ${segments} ${what}s, got ${stated.length}`);
  }
  // Very old writers leave them out where nothing is compressed.
  if (stated === undefined && compression !== compressions.none) fail(countTag, "this tag is missing");
  const counts: number[] = [];
  for (let i = 0; i < segments; i++) {
    const needed = rowsOf(i) * rowBytes;
    const count = stated?.[i] ?? needed;
    if (!(offsets[i]! > 0 && count > 0)) {
      refuse(`TIFF in which a ${what} is absent (a sparse file)`, "fill it, and save it again");
    }
    if (!(offsets[i]! + count <= source.size)) {
      const problem = `${what} ${i + 1} ends at byte ${offsets[i]! + count}, the file at ${source.size}; it is cut off`;
      fail(offsetTag, problem);
    }
    if (needed > count * ratio) {
      fail(countTag, `${what} ${i + 1} needs ${needed} bytes, its ${count} stored ones cannot hold them`);
    }
    counts.push(count);
  }
  const segmentBytes = rowBytes * segmentHeight;
  // A tile may be larger than a small image, but not by so much that nobody would have made it.
  const fits = isTiled
    ? segmentBytes <= Math.min(largestTile, 2 ** 24 + 16 * height * rowBytesOf(width, samples, bits))
    : segmentBytes <= largestStrip || compression === compressions.none;
  if (!fits) refuse(`TIFF with a ${what} of ${segmentBytes} bytes`, "save it in smaller pieces");
  return {
    width,
    height,
    samples,
    bits,
    format,
    photometric,
    compression,
    isPlanar,
    predictor,
    bitsAreReversed: fillOrder === 2 && compression !== compressions.jpeg,
    littleEndian: directory.littleEndian,
    isTiled,
    segmentWidth,
    segmentHeight,
    offsets: offsets.slice(0, segments),
    counts,
    fax,
    jpegTables: directory.entries.get(tags.JPEGTables),
    colorMap: directory.entries.get(tags.ColorMap),
  };
}

/**
 * The most bytes that a file of this size can become, decompressed. Where nothing is compressed equal tiles may still be
 * stored once.
 */
export function mostBytes({ compression }: TiffPage, fileSize: number): number {
  return fileSize * Math.max(16, largestRatios[compression]!);
}

/** Bytes of all its strips or tiles, decompressed; those that reach beyond the image are counted as whole. */
export function decodedBytes({ offsets, segmentWidth, segmentHeight, samples, isPlanar, bits }: TiffPage): number {
  return offsets.length * segmentHeight * rowBytesOf(segmentWidth, isPlanar ? 1 : samples, bits);
}

/** Every row of a strip or tile begins with a byte of its own. */
export function rowBytesOf(columns: number, samples: number, bits: number): number {
  return Math.ceil((columns * samples * bits) / 8);
}

/** NumPy's name of the values as they are given; narrower ones are widened. */
export function storedTypeOf({ format, bits }: TiffPage): StoredType {
  if (format === "float") return bits === 64 ? "float64" : "float32";
  const width = bits <= 8 ? 8 : bits <= 16 ? 16 : bits;
  return `${format}${width}` as StoredType;
}

function faxKind(compression: number, options: number): FaxKind | undefined {
  if (compression === compressions.faxRuns) return { byRowAbove: "never", alignment: 8 };
  if (compression === compressions.faxRunsOfWords) return { byRowAbove: "never", alignment: 16 };
  if (compression === compressions.fax3) return { byRowAbove: options & 1 ? "by a bit" : "never", alignment: 1 };
  return compression === compressions.fax4 ? { byRowAbove: "always", alignment: 1 } : undefined;
}

type Refuse = (feature: string, hint?: string) => never;

function formatOf(sampleFormat: number, bits: number, refuse: Refuse): TiffPage["format"] {
  // 4 means "unknown": bits, which libtiff takes for whole numbers.
  const format = ({ 1: "uint", 2: "int", 3: "float", 4: "uint" } as const)[sampleFormat];
  if (format === undefined) {
    const complex = sampleFormat === 5 || sampleFormat === 6;
    return refuse(complex ? "TIFF of complex numbers" : `TIFF with SampleFormat ${sampleFormat}`);
  }
  const widths = { uint: bits >= 1 && (bits <= 16 || bits === 32 || bits === 64), int: false, float: false };
  widths.int = bits === 8 || bits === 16 || bits === 32 || bits === 64;
  widths.float = bits === 16 || bits === 32 || bits === 64;
  if (!widths[format]) refuse(`TIFF of ${bits}-bit ${format} values`);
  return format;
}

function checkColours(
  photometric: number,
  samples: number,
  bits: number,
  compression: number,
  { fail, refuse }: { fail: (tag: number, problem: string) => never; refuse: Refuse },
): void {
  const tag = tags.PhotometricInterpretation;
  const least = { [photometrics.rgb]: 3, [photometrics.yCbCr]: 3, [photometrics.separated]: 4 }[photometric] ?? 1;
  if (!Object.values(photometrics).some((known) => known === photometric)) {
    refuse(`TIFF of ${foreignPhotometrics[photometric] ?? `photometric interpretation ${photometric}`} colours`);
  }
  if (photometric === photometrics.separated && samples < 4) refuse(`TIFF of ${samples} inks`);
  if (samples < least) fail(tag, `${samples} samples are no colour of this kind (${photometric})`);
  if (photometric === photometrics.palette) {
    if (samples !== 1) refuse(`TIFF with a palette and ${samples} samples`);
    if (bits > 16) fail(tag, `a palette of ${bits}-bit indices`);
  }
  if (photometric === photometrics.yCbCr && compression !== compressions.jpeg) {
    refuse("TIFF of YCbCr colours that is not JPEG-compressed", "save it as RGB");
  }
}
