import { ImageFileError } from "@nnunet/core";
import { type ByteSource, cutOff } from "./byte-source.ts";
import { DataSet } from "./data-set.ts";
import { uint16, uint32 } from "./numbers-in-bytes.ts";
import { isPixelTag, tagName } from "./tags.ts";
import { type Encoding, implicitLittle } from "./transfer-syntax.ts";

/*
 * DICOM's elements, by ourselves (docs/decisions/0017-dicom.md says why): values that nobody asks for are stepped
 * over unread, sequences whose length is not given are walked without recursion, and nothing is taken on trust.
 */

export const undefinedLength = 0xffffffff;
const item = 0xfffee000;
const itemEnd = 0xfffee00d;
const sequenceEnd = 0xfffee0dd;

/** The longest value that is read: a palette is 128 KiB, frame offsets of 100,000 frames 1 MiB. */
const largestValue = 16 * 2 ** 20;
/** Functional groups of 30,000 frames have fewer. */
const mostElements = 3_000_000;
const mostItems = 400_000;
const mostFragments = 400_000;
const deepestSequence = 16;
const deepestSkipped = 1000;

const longLengths = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);

/** Where the pixels lie. */
export interface PixelElement {
  readonly name: "PixelData" | "FloatPixelData" | "DoubleFloatPixelData";
  /** "" in implicit encoding. */
  readonly vr: string;
  /** First byte of the value, or of the first fragment's header. */
  readonly at: number;
  /** {@link undefinedLength} for fragments. */
  readonly length: number;
}

export interface ParsedDataSet {
  readonly dataSet: DataSet;
  readonly pixels: PixelElement | undefined;
  /** Where parsing stopped. */
  readonly end: number;
}

interface ElementHeader {
  readonly tag: number;
  readonly vr: string;
  readonly length: number;
  /** Where the value begins. */
  readonly at: number;
}

/**
 * The elements of a file up to its pixels.
 *
 * @param group - read only this group (the file's meta information), if given
 * @throws {ImageFileError} if the file ends in the middle, or its sequences make no sense
 */
export function parseDataSet(source: ByteSource, start: number, encoding: Encoding, group?: number): ParsedDataSet {
  const parser = new Parser(source);
  return parser.topLevel(start, encoding, group);
}

/** Reads one header. Bytes that are no type mean that this element was written without one, as some programs do. */
function elementHeader(source: ByteSource, at: number, { littleEndian, explicit }: Encoding): ElementHeader {
  const from = source.locate(at, 8);
  const bytes = source.window;
  const tag = uint16(bytes, from, littleEndian) * 65536 + uint16(bytes, from + 2, littleEndian);
  // Items and delimiters have no type in any encoding.
  if (!explicit || tag >>> 16 === 0xfffe || !isVr(bytes, from + 4)) {
    return { tag, vr: "", length: uint32(bytes, from + 4, littleEndian), at: at + 8 };
  }
  const vr = String.fromCharCode(bytes[from + 4]!, bytes[from + 5]!);
  if (!longLengths.has(vr)) return { tag, vr, length: uint16(bytes, from + 6, littleEndian), at: at + 8 };
  const long = source.locate(at + 8, 4);
  return { tag, vr, length: uint32(source.window, long, littleEndian), at: at + 12 };
}

/** Two capital letters. */
export function isVr(bytes: Uint8Array, at: number): boolean {
  const [a, b] = [bytes[at]!, bytes[at + 1]!];
  return a >= 0x41 && a <= 0x5a && b >= 0x41 && b <= 0x5a;
}

class Parser {
  private elements = 0;
  private items = 0;
  constructor(private readonly source: ByteSource) {}

  topLevel(start: number, encoding: Encoding, group: number | undefined): ParsedDataSet {
    const dataSet = new DataSet(this.source.path, encoding.littleEndian);
    let at = start;
    while (at < this.source.length) {
      if (this.source.length - at < 8 && this.onlyZeros(at)) break; // padding at the end of the file
      const header = elementHeader(this.source, at, encoding);
      if (group !== undefined && header.tag >>> 16 !== group) return { dataSet, pixels: undefined, end: at };
      if (isPixelTag(header.tag)) {
        const { vr, length } = header;
        const name = tagName(header.tag) as PixelElement["name"];
        return { dataSet, pixels: { name, vr, at: header.at, length }, end: at };
      }
      // A delimiter without its sequence: left behind by some programs, and harmless.
      at = header.tag >>> 16 === 0xfffe && header.length === 0 ? header.at : this.read(dataSet, header, encoding, 0);
    }
    return { dataSet, pixels: undefined, end: at };
  }

  /** Keeps the element if it is one of ours; returns where the next begins. */
  private read(dataSet: DataSet, { tag, vr, length, at }: ElementHeader, encoding: Encoding, depth: number): number {
    if (++this.elements > mostElements) {
      throw tooMany(this.source.path, mostElements, "elements");
    }
    const name = tagName(tag);
    const isSequence = name?.endsWith("Sequence") === true;
    if (length === undefinedLength) {
      // A sequence of unknown type is written as if there were no types in it (PS3.5 6.2.2).
      const inner = vr === "UN" ? implicitLittle : encoding;
      if (name === undefined || !isSequence) return this.skip(at, inner);
      const { items, end } = this.sequence(at, this.source.length, inner, depth);
      dataSet.elements.set(name, { bytes: new Uint8Array(), items });
      return end;
    }
    const end = at + length;
    if (end > this.source.length) throw cutOff(this.source.path);
    if (name === undefined) return end;
    if (isSequence) {
      const { items } = this.sequence(at, end, vr === "UN" ? implicitLittle : encoding, depth);
      dataSet.elements.set(name, { bytes: new Uint8Array(), items });
    } else {
      if (length > largestValue) throw dataSet.fail(name, `its value is ${length} bytes long; the file is damaged`);
      dataSet.elements.set(name, { bytes: this.source.view(at, length).slice() });
    }
    return end;
  }

  private sequence(start: number, limit: number, encoding: Encoding, depth: number): { items: DataSet[]; end: number } {
    if (depth >= deepestSequence) throw tooDeep(this.source.path);
    const items: DataSet[] = [];
    let at = start;
    while (at < limit) {
      const header = elementHeader(this.source, at, encoding);
      if (header.tag === sequenceEnd) return { items, end: header.at };
      if (header.tag !== item) throw noItem(this.source.path);
      if (++this.items > mostItems) throw tooMany(this.source.path, mostItems, "items of sequences");
      const open = header.length === undefinedLength;
      const end = open ? limit : header.at + header.length;
      if (end > limit) throw cutOff(this.source.path);
      const dataSet = new DataSet(this.source.path, encoding.littleEndian);
      at = header.at;
      while (at < end) {
        const element = elementHeader(this.source, at, encoding);
        if (element.tag === itemEnd) {
          at = element.at;
          break;
        }
        at = this.read(dataSet, element, encoding, depth + 1);
      }
      items.push(dataSet);
    }
    return { items, end: at };
  }

  /** The end of a sequence that is not wanted and does not say how long it is. */
  private skip(start: number, encoding: Encoding): number {
    const open = [encoding];
    let at = start;
    while (open.length > 0) {
      if (++this.elements > mostElements) throw tooMany(this.source.path, mostElements, "elements");
      if (open.length > deepestSkipped) throw tooDeep(this.source.path);
      const inside = open.at(-1)!;
      const { tag, vr, length, at: value } = elementHeader(this.source, at, inside);
      if (tag === sequenceEnd || tag === itemEnd) open.pop();
      else if (length === undefinedLength) open.push(vr === "UN" ? implicitLittle : inside);
      at = length === undefinedLength ? value : value + length;
    }
    return at;
  }

  private onlyZeros(at: number): boolean {
    return this.source.view(at, this.source.length - at).every((byte) => byte === 0);
  }
}

/**
 * Where the fragments of compressed pixels lie; the first is the table of offsets.
 *
 * @throws {ImageFileError} if they do not follow each other up to a delimiter
 */
export function fragmentsAt(source: ByteSource, start: number): { at: number; length: number }[] {
  const fragments: { at: number; length: number }[] = [];
  const encoding = { littleEndian: true, explicit: true };
  for (let at = start; ; ) {
    const header = elementHeader(source, at, encoding);
    if (header.tag === sequenceEnd) return fragments;
    if (header.tag !== item || header.length === undefinedLength) {
      throw new ImageFileError(source.path, "PixelData", "the compressed pixels are damaged: a fragment has no header");
    }
    at = header.at + header.length;
    if (at > source.length) throw cutOff(source.path);
    if (fragments.push({ at: header.at, length: header.length }) > mostFragments) {
      throw tooMany(source.path, mostFragments, "fragments of pixels");
    }
  }
}

function tooDeep(path: string): ImageFileError {
  return new ImageFileError(path, "", "its sequences are nested too deeply; the file is damaged");
}

function tooMany(path: string, most: number, what: string): ImageFileError {
  return new ImageFileError(path, "", `it has more than ${most} ${what}, which no image needs; the file is damaged`);
}

function noItem(path: string): ImageFileError {
  return new ImageFileError(path, "", "a sequence holds something other than items; the file is damaged");
}

/** The elements that tell a file of DICOM from others: its meta information, or a data set without one. */
export function beginsLikeDataSet(bytes: Uint8Array): boolean {
  if (bytes.length < 12) return false;
  for (const little of [true, false]) {
    const [group, element] = [uint16(bytes, 0, little), uint16(bytes, 2, little)];
    if (!((group === 2 && element <= 0x16) || (group === 8 && element <= 0x18))) continue;
    if (isVr(bytes, 4)) return true;
    const length = uint32(bytes, 4, little);
    if (length <= 64) return true;
  }
  return false;
}
