import { concatenated } from "../dicom/numbers-in-bytes.ts";
import { type ValueType, writtenElements, type WrittenName } from "./written-elements.ts";

/** Text, text as it stood in another file, numbers or tags, or the items of a sequence. */
export type Value = string | Uint8Array | readonly number[] | readonly Item[];

/** Elements under DICOM's keywords, in any order. */
export type Item = Partial<Readonly<Record<WrittenName, Value | undefined>>>;

const longLengths: readonly ValueType[] = ["OB", "SQ"];
export const undefinedLength = 0xffffffff;
const itemTag = 0xfffee000;
const sequenceEnd = 0xfffee0dd;

/** The elements of an item in the order of their tags, explicit little endian. Undefined ones are left out. */
export function encodeItem(item: Item): Uint8Array<ArrayBuffer> {
  const present = (Object.keys(item) as WrittenName[]).filter((name) => item[name] !== undefined);
  const inOrder = present.sort((a, b) => writtenElements[a][0] - writtenElements[b][0]);
  return concatenated(inOrder.map((name) => encodeElement(name, item[name]!)));
}

/** An item of a sequence with its header. */
export function encodeSequenceItem(item: Item): Uint8Array<ArrayBuffer> {
  const content = encodeItem(item);
  return concatenated([delimiter(itemTag, content.length), content]);
}

/** The header of an element whose value follows. */
export function elementHeader(name: WrittenName, length: number): Uint8Array<ArrayBuffer> {
  const [tag, type] = writtenElements[name];
  const isLong = longLengths.includes(type);
  const header = new Uint8Array(isLong ? 12 : 8);
  const view = new DataView(header.buffer);
  writeTag(view, 0, tag);
  header.set([type.charCodeAt(0), type.charCodeAt(1)], 4);
  if (isLong) view.setUint32(8, length, true);
  else view.setUint16(6, length, true);
  return header;
}

/** What ends a sequence of {@link undefinedLength}. */
export function encodeSequenceEnd(): Uint8Array<ArrayBuffer> {
  return delimiter(sequenceEnd, 0);
}

function encodeElement(name: WrittenName, value: Value): Uint8Array<ArrayBuffer> {
  const content = encodeValue(writtenElements[name][1], value);
  return concatenated([elementHeader(name, content.length), content]);
}

function encodeValue(type: ValueType, value: Value): Uint8Array {
  if (typeof value === "string") return padded(new TextEncoder().encode(value), type);
  if (value instanceof Uint8Array) return padded(value, type);
  if (type === "SQ") return concatenated((value as readonly Item[]).map(encodeSequenceItem));
  const numbers = value as readonly number[];
  const bytes = new Uint8Array(numbers.length * (type === "US" ? 2 : 4));
  const view = new DataView(bytes.buffer);
  for (const [i, number] of numbers.entries()) {
    if (type === "US") view.setUint16(2 * i, number, true);
    else if (type === "AT") writeTag(view, 4 * i, number);
    else view.setUint32(4 * i, number, true);
  }
  return bytes;
}

/** Values have an even length: texts end with a space, identifiers and bytes with a zero. */
function padded(bytes: Uint8Array, type: ValueType): Uint8Array {
  if (bytes.length % 2 === 0) return bytes;
  const even = new Uint8Array(bytes.length + 1);
  even.set(bytes);
  even[bytes.length] = type === "UI" || type === "OB" ? 0 : 0x20;
  return even;
}

function writeTag(view: DataView, at: number, tag: number): void {
  view.setUint16(at, tag >>> 16, true);
  view.setUint16(at + 2, tag & 0xffff, true);
}

function delimiter(tag: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  writeTag(view, 0, tag);
  view.setUint32(4, length, true);
  return bytes;
}
