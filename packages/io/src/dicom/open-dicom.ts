import { ImageFileError } from "@nnunet/core";
import { type ByteSource, memorySource } from "./byte-source.ts";
import type { DataSet } from "./data-set.ts";
import type { DicomFile } from "./dicom-file.ts";
import { latin1, uint16 } from "./numbers-in-bytes.ts";
import { beginsLikeDataSet, isVr, type ParsedDataSet, type PixelElement, parseDataSet } from "./parse-data-set.ts";
import { type Encoding, implicitLittle, type TransferSyntax, transferSyntax } from "./transfer-syntax.ts";

/** A file of DICOM that is open: its elements, and where its pixels lie in `source`. */
export interface OpenDicom {
  readonly file: DicomFile;
  readonly source: ByteSource;
  /** The file's meta information; undefined where it has none. */
  readonly meta: DataSet | undefined;
  readonly dataSet: DataSet;
  readonly pixels: PixelElement | undefined;
  readonly syntax: TransferSyntax;
}

/** DEFLATE cannot do better: 258 bytes from two bits. */
const largestRatio = 1032;
/** Headers are far smaller. */
const firstInflated = 4 * 2 ** 20;
const mostInflatedHeader = 256 * 2 ** 20;
const explicitLittle: Encoding = { littleEndian: true, explicit: true };

/** Whether the bytes begin like a DICOM file: "DICM" after 128 free bytes, or DICOM's first elements at once. */
export function isDicom(bytes: Uint8Array): boolean {
  return hasPrefix(bytes) || beginsLikeDataSet(bytes);
}

function hasPrefix(bytes: Uint8Array): boolean {
  return bytes.length >= 132 && latin1(bytes.subarray(128, 132)) === "DICM";
}

/**
 * Opens a file of DICOM, with or without its preamble and meta information, deflated or not, for as long as `use` runs.
 *
 * @throws {FileError} if it is missing or unreadable
 * @throws {ImageFileError} if it is no DICOM, cut off or damaged
 * @throws {UnsupportedError} for transfer syntaxes that are not read
 */
export async function withDicom<T>(file: DicomFile, use: (file: OpenDicom) => T | Promise<T>): Promise<T> {
  return file.open(async (source) => {
    if (source.length === 0) throw new ImageFileError(file.path, "", "the file is empty; get it again");
    return use(await parseFile(source, file));
  });
}

async function parseFile(source: ByteSource, file: DicomFile): Promise<OpenDicom> {
  const { path } = source;
  const beginning = source.copy(0, Math.min(source.length, 256));
  const prefixed = hasPrefix(beginning);
  if (!prefixed && !beginsLikeDataSet(beginning)) {
    throw new ImageFileError(path, "", 'this is no DICOM file: "DICM" is missing at byte 128');
  }
  const start = prefixed ? 132 : 0;
  const hasMeta = source.length >= start + 8 && uint16(source.view(start, 2), 0, true) === 2;
  const meta = hasMeta ? parseDataSet(source, start, explicitLittle, 2) : undefined;
  const uid = meta?.dataSet.text("TransferSyntaxUID") ?? "";
  const bodyAt = meta?.end ?? start;
  if (bodyAt + 8 > source.length) throw new ImageFileError(path, "", "there is nothing behind the file's header");
  const named = uid === "" ? undefined : transferSyntax(uid, path);
  if (named?.deflated)
    return { file, ...(await parseDeflated(source, bodyAt, file)), meta: meta?.dataSet, syntax: named };
  const encoding = encodingOf(source, bodyAt, named?.encoding);
  const syntax = named ?? {
    ...transferSyntax(encoding.littleEndian ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2.2", path),
    encoding,
  };
  const body = parsed(parseDataSet(source, bodyAt, encoding));
  return { file, source, meta: meta?.dataSet, ...body, syntax: { ...syntax, encoding } };
}

function parsed({ dataSet, pixels }: ParsedDataSet): { dataSet: DataSet; pixels: PixelElement | undefined } {
  return { dataSet, pixels };
}

/** Some programs name one encoding and write another; the first element tells whether it names its type. */
function encodingOf(source: ByteSource, at: number, named: Encoding | undefined): Encoding {
  const bytes = source.view(at, 8);
  const littleEndian = named?.littleEndian ?? uint16(bytes, 0, true) < 0x100;
  return littleEndian || named === undefined
    ? { ...(isVr(bytes, 4) ? explicitLittle : implicitLittle), littleEndian }
    : named;
}

/** Inflates what the header needs, then as much as the pixels need: never more than the header promises. */
async function parseDeflated(
  source: ByteSource,
  start: number,
  file: DicomFile,
): Promise<Omit<OpenDicom, "syntax" | "meta" | "file">> {
  const packed = source.copy(start, source.length - start);
  for (let limit = firstInflated; ; limit *= 4) {
    const { bytes, complete } = await file.inflate(packed, limit);
    const partial = memorySource(source.path, bytes);
    try {
      const { dataSet, pixels } = parsed(parseDataSet(partial, 0, explicitLittle));
      if (complete || !pixels) return { source: partial, dataSet, pixels };
      const promised = promisedBytes(dataSet, pixels, packed.length);
      const whole = await file.inflate(packed, promised);
      return { source: memorySource(source.path, whole.bytes), dataSet, pixels };
    } catch (error) {
      if (complete || limit >= mostInflatedHeader) throw error;
    }
  }
}

/** Up to the end of the pixels, judged by size, frames and bits: what the element itself says may be a lie. */
function promisedBytes(dataSet: DataSet, pixels: PixelElement, packed: number): number {
  const frames = dataSet.decimal("NumberOfFrames") ?? 1;
  const perPixel = ((dataSet.uint16("SamplesPerPixel") ?? 1) * (dataSet.uint16("BitsAllocated") ?? 0)) / 8;
  const bytes = frames * (dataSet.uint16("Rows") ?? 0) * (dataSet.uint16("Columns") ?? 0) * perPixel;
  return Math.min(pixels.at + Math.ceil(bytes) + 2, packed * largestRatio);
}
