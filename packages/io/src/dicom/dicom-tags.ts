import { ImageFileError, UnsupportedError } from "@nnunet/core";

/*
 * The few tags of a DICOM file that say where its slice lies, read by ourselves: ITK sorts and averages silently where a
 * slice is missing or does not belong.
 */

/** One slice of a series as its file describes it. Lengths in mm, positions in LPS. */
export interface DicomSlice {
  readonly path: string;
  readonly seriesUid: string;
  readonly modality: string;
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly bitsAllocated: number;
  /** Of the centre of the first pixel. */
  readonly position: readonly number[];
  /** Direction of increasing column, then of increasing row. */
  readonly orientation: readonly number[];
  /** Between rows, between columns. */
  readonly pixelSpacing: readonly number[];
  /** Distance of slices as the file itself says, where it does. */
  readonly sliceSpacing: number | undefined;
}

const explicitBig = "1.2.840.10008.1.2.2";
const implicitLittle = "1.2.840.10008.1.2";
const deflated = "1.2.840.10008.1.2.1.99";
const uncompressed = new Set([implicitLittle, "1.2.840.10008.1.2.1", explicitBig]);
const longLengths = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const undefinedLength = 0xffffffff;

/** Whether the bytes begin like a DICOM file ("DICM" after 128 free bytes). */
export function isDicom(bytes: Buffer): boolean {
  return bytes.length > 132 && bytes.toString("latin1", 128, 132) === "DICM";
}

/**
 * The tags of one slice; also checks that the pixels are all there.
 *
 * @throws {ImageFileError} naming the tag that is missing or wrong, or saying that the file is cut off
 * @throws {UnsupportedError} for several frames in one file and for deflated files
 */
export function parseDicomSlice(bytes: Buffer, path: string): DicomSlice {
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  if (!isDicom(bytes)) fail("", 'this is no DICOM file: "DICM" is missing at byte 128');
  const tags = new Map<number, Buffer>();
  const meta = walk(bytes, 132, { littleEndian: true, explicit: true }, (group) => group === 2, tags, path);
  const syntax = text(tags.get(0x00020010));
  if (syntax === deflated) throw new UnsupportedError(`deflated DICOM (${path})`, "save it uncompressed");
  const littleEndian = syntax !== explicitBig;
  const pixels = walk(bytes, meta, { littleEndian, explicit: syntax !== implicitLittle }, () => true, tags, path);
  const whole = (tag: number, name: string, absent?: number): number => {
    const value = tags.get(tag);
    if (value && value.length >= 2) return littleEndian ? value.readUInt16LE(0) : value.readUInt16BE(0);
    return absent ?? fail(name, "this tag is missing");
  };
  const decimals = (tag: number, name: string, count: number): number[] => {
    const value = text(tags.get(tag));
    const numbers = value.split("\\").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
    if (numbers.length !== count || !numbers.every(Number.isFinite)) {
      fail(name, value === "" ? "this tag is missing" : `expected ${count} numbers, got ${JSON.stringify(value)}`);
    }
    return numbers;
  };
  const frames = Number(text(tags.get(0x00280008)) || "1");
  if (frames !== 1) throw new UnsupportedError(`a DICOM file of ${frames} frames (${path})`, "split it into slices");
  const rows = whole(0x00280010, "Rows");
  const columns = whole(0x00280011, "Columns");
  const samples = whole(0x00280002, "SamplesPerPixel", 1);
  const bitsAllocated = whole(0x00280100, "BitsAllocated");
  if (!(rows > 0 && columns > 0)) fail("Rows", `expected pixels, got ${rows} × ${columns}`);
  const needed = rows * columns * samples * Math.ceil(bitsAllocated / 8);
  if (pixels < bytes.length - 8)
    checkPixels(
      bytes,
      pixels,
      { littleEndian, explicit: syntax !== implicitLittle },
      uncompressed.has(syntax) ? needed : undefined,
      path,
    );
  else fail("PixelData", "there are no pixels; the file is cut off or is no image");
  const pixelSpacing = decimals(0x00280030, "PixelSpacing", 2);
  if (!pixelSpacing.every((s) => s > 0))
    fail("PixelSpacing", `expected positive numbers, got ${pixelSpacing.join(", ")}`);
  const between = Number(text(tags.get(0x00180088)) || text(tags.get(0x00180050)) || "NaN");
  return {
    path,
    seriesUid: text(tags.get(0x0020000e)),
    modality: text(tags.get(0x00080060)),
    rows,
    columns,
    samples,
    bitsAllocated,
    position: decimals(0x00200032, "ImagePositionPatient", 3),
    orientation: decimals(0x00200037, "ImageOrientationPatient", 6),
    pixelSpacing,
    sliceSpacing: between > 0 ? between : undefined,
  };
}

interface Encoding {
  readonly littleEndian: boolean;
  readonly explicit: boolean;
}

interface ElementHeader {
  readonly group: number;
  readonly tag: number;
  readonly length: number;
  readonly value: number;
}

/** Reads one element's header; undefined if the file ends inside it. */
function elementAt(bytes: Buffer, at: number, { littleEndian, explicit }: Encoding): ElementHeader | undefined {
  if (at + 8 > bytes.length) return undefined;
  const uint16 = (offset: number) => (littleEndian ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset));
  const uint32 = (offset: number) => (littleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset));
  const group = uint16(at);
  const tag = group * 65536 + uint16(at + 2);
  // Items and delimiters have no type in any encoding.
  if (!explicit || group === 0xfffe) return { group, tag, length: uint32(at + 4), value: at + 8 };
  if (!longLengths.has(bytes.toString("latin1", at + 4, at + 6)))
    return { group, tag, length: uint16(at + 6), value: at + 8 };
  return at + 12 > bytes.length ? undefined : { group, tag, length: uint32(at + 8), value: at + 12 };
}

/** Collects elements up to the pixels, or while `wanted`; returns where it stopped (the file's length if at its end). */
function walk(
  bytes: Buffer,
  start: number,
  encoding: Encoding,
  wanted: (group: number) => boolean,
  tags: Map<number, Buffer>,
  path: string,
): number {
  let at = start;
  while (at < bytes.length) {
    const element = elementAt(bytes, at, encoding);
    if (!element) throw cutOff(path);
    if (!wanted(element.group) || element.tag === 0x7fe00010) return at;
    if (element.length === undefinedLength) {
      at = skipItems(bytes, element.value, encoding, path, 0);
      continue;
    }
    const end = element.value + element.length;
    if (end > bytes.length) throw cutOff(path);
    tags.set(element.tag, bytes.subarray(element.value, end));
    at = end;
  }
  return at;
}

/** The end of a sequence, or of an item, whose length is not given. */
function skipItems(bytes: Buffer, start: number, encoding: Encoding, path: string, depth: number): number {
  let at = start;
  while (depth < 32) {
    const element = elementAt(bytes, at, encoding);
    if (!element) throw cutOff(path);
    if (element.tag === 0xfffee0dd || element.tag === 0xfffee00d) return element.value;
    if (element.length === undefinedLength) at = skipItems(bytes, element.value, encoding, path, depth + 1);
    else at = element.value + element.length;
  }
  throw new ImageFileError(path, "", "its sequences are nested too deeply; the file is damaged");
}

function checkPixels(bytes: Buffer, at: number, encoding: Encoding, needed: number | undefined, path: string): void {
  const element = elementAt(bytes, at, encoding)!;
  if (needed === undefined || element.length === undefinedLength) {
    // Compressed: a row of items up to a delimiter, each with its length.
    if (element.length !== undefinedLength)
      throw new ImageFileError(path, "PixelData", "compressed pixels must be in items");
    for (let item = element.value; ; ) {
      const next = elementAt(bytes, item, encoding);
      if (!next || next.value + (next.tag === 0xfffee000 ? next.length : 0) > bytes.length) throw cutOff(path);
      if (next.tag === 0xfffee0dd) return;
      if (next.tag !== 0xfffee000) throw new ImageFileError(path, "PixelData", "the compressed pixels are damaged");
      item = next.value + next.length;
    }
  }
  const present = Math.min(element.length, bytes.length - element.value);
  if (present < needed) {
    throw new ImageFileError(path, "PixelData", `expected ${needed} bytes, got ${present}; the file is cut off`);
  }
}

function text(value: Buffer | undefined): string {
  return (value?.toString("latin1") ?? "").replace(/[\0 ]+$/, "").trim();
}

function cutOff(path: string): ImageFileError {
  return new ImageFileError(path, "", "the file ends in the middle of an element; it is cut off, get it again");
}
