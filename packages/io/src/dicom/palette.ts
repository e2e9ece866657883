import type { VoxelArray } from "@nnunet/core";
import type { DataSet } from "./data-set.ts";

/** A look-up table: what becomes of the stored numbers from `first` on; those beyond either end take the end's. */
export interface LookUpTable {
  readonly first: number;
  readonly entries: Uint8Array | Uint16Array;
}

/** Red, green, blue. */
export type Palette = readonly [LookUpTable, LookUpTable, LookUpTable];

/**
 * The colours of PALETTE COLOR, also in segments (PS3.3 C.7.6.3.1.5 and C.7.9.2).
 *
 * @throws {ImageFileError} if one is missing or shorter than its descriptor says
 */
export function readPalette(dataSet: DataSet, signed: boolean): Palette {
  const tables = (["Red", "Green", "Blue"] as const).map((colour) => {
    const [count, first, bits] = descriptor(dataSet, `${colour}PaletteColorLookupTableDescriptor`, signed);
    const plain = `${colour}PaletteColorLookupTableData` as const;
    const segmented = `Segmented${colour}PaletteColorLookupTableData` as const;
    if (dataSet.has(plain)) return { first, entries: tableEntries(dataSet, plain, count, bits) };
    if (!dataSet.has(segmented)) throw dataSet.fail(plain, "this element is missing");
    return { first, entries: expandSegments(dataSet, segmented, count, bits) };
  });
  return tables as unknown as Palette;
}

/** The table of the modality, which takes the place of slope and intercept; undefined where there is none. */
export function readModalityTable(dataSet: DataSet, signed: boolean): LookUpTable | undefined {
  const table = dataSet.items("ModalityLUTSequence")[0];
  if (!table) return undefined;
  const [count, first, bits] = descriptor(table, "LUTDescriptor", signed);
  return { first, entries: tableEntries(table, "LUTData", count, bits) };
}

/** @returns how many entries, the first stored number, bits of an entry */
function descriptor(
  dataSet: DataSet,
  name: "LUTDescriptor" | `${"Red" | "Green" | "Blue"}PaletteColorLookupTableDescriptor`,
  signed: boolean,
): [number, number, number] {
  const values = dataSet.uint16s(name);
  if (values.length !== 3) throw dataSet.fail(name, `expected 3 numbers, got ${values.length}`);
  const [count, first, bits] = values as [number, number, number];
  if (bits < 1 || bits > 16) throw dataSet.fail(name, `expected 8 or 16 bits an entry, got ${bits}`);
  return [count || 65536, signed ? (first << 16) >> 16 : first, bits];
}

function tableEntries(
  dataSet: DataSet,
  name: Parameters<DataSet["text"]>[0],
  count: number,
  bits: number,
): Uint8Array | Uint16Array {
  const { bytes } = dataSet.elements.get(name) ?? { bytes: new Uint8Array() };
  // Eight-bit entries may be one byte each, or each in two.
  if (bits <= 8 && bytes.length < 2 * count) {
    if (bytes.length < count) throw dataSet.fail(name, `expected ${count} entries, got ${bytes.length}`);
    return Uint8Array.from(bytes.subarray(0, count));
  }
  const words = dataSet.uint16s(name);
  if (words.length < count) throw dataSet.fail(name, `expected ${count} entries, got ${words.length}`);
  return (bits <= 8 ? Uint8Array : Uint16Array).from(words.slice(0, count));
}

/** Discrete runs, straight lines, and repetitions of earlier segments. */
function expandSegments(
  dataSet: DataSet,
  name: Parameters<DataSet["text"]>[0],
  count: number,
  bits: number,
): Uint8Array | Uint16Array {
  const words = bits <= 8 ? [...dataSet.elements.get(name)!.bytes] : dataSet.uint16s(name);
  const entries = new (bits <= 8 ? Uint8Array : Uint16Array)(count);
  let filled = 0;
  const damaged = () => dataSet.fail(name, `its segments do not make ${count} entries; the palette is damaged`);
  const put = (value: number | undefined): void => {
    if (value === undefined || filled >= count) throw damaged();
    entries[filled++] = value;
  };
  const segment = (at: number): number => {
    const [kind, length] = [words[at], words[at + 1]];
    if (length === undefined || length === 0) throw damaged();
    if (kind === 0) {
      for (let i = 0; i < length; i++) put(words[at + 2 + i]);
      return at + 2 + length;
    }
    if (kind !== 1 || filled === 0) throw damaged();
    const [from, to] = [entries[filled - 1]!, words[at + 2] ?? Number.NaN];
    for (let i = 1; i <= length; i++) put(Math.round(from + ((to - from) * i) / length));
    return at + 3;
  };
  const end = words.length - (words.length > 1 && bits <= 8 && words.length % 2 === 1 ? 1 : 0);
  for (let at = 0; at < end && filled < count; ) {
    if (words[at] !== 2) {
      at = segment(at);
      continue;
    }
    // A repetition: so many segments, from that many bytes on.
    const repeats = words[at + 1] ?? 0;
    const offset = bits <= 8 ? [2, 3, 4, 5].map((i) => words[at + i] ?? 0) : [words[at + 2] ?? 0, words[at + 3] ?? 0];
    const bytes = offset.reduce((sum, part, i) => sum + part * (bits <= 8 ? 256 : 65536) ** i, 0);
    let from = bits <= 8 ? bytes : bytes / 2;
    if (repeats === 0 || !Number.isInteger(from) || from >= at) throw damaged();
    for (let n = 0; n < repeats; n++) from = segment(from);
    at += bits <= 8 ? 6 : 4;
  }
  if (filled !== count) throw damaged();
  return entries;
}

/** What the table makes of every pixel. */
export function lookUp(pixels: VoxelArray, { first, entries }: LookUpTable, target: VoxelArray, at: number): void {
  const last = entries.length - 1;
  for (let i = 0; i < pixels.length; i++) {
    const index = pixels[i]! - first;
    target[at + i] = entries[Math.max(0, Math.min(index, last))]!;
  }
}

/** Bits of the colours: 16 if one table has 16. */
export function paletteType(palette: Palette): "uint8" | "uint16" {
  return palette.some(({ entries }) => entries instanceof Uint16Array) ? "uint16" : "uint8";
}

/** [colour, pixel] */
export function paletteColours(pixels: VoxelArray, palette: Palette): Uint8Array | Uint16Array {
  const colours = new (paletteType(palette) === "uint8" ? Uint8Array : Uint16Array)(3 * pixels.length);
  for (const [c, table] of palette.entries()) lookUp(pixels, table, colours, c * pixels.length);
  return colours;
}
