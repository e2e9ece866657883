import { type HuffmanTable, huffmanTable, JpegDamage } from "./huffman.ts";

/*
 * The markers of a JPEG stream (ITU-T T.81, annex B): tables, the frame, scans.
 */

export interface JpegComponent {
  readonly id: number;
  /** Sampling factors, 1 to 4. */
  readonly h: number;
  readonly v: number;
  readonly quantTable: number;
  /** Samples that the picture needs, without the blocks' overhang. */
  readonly width: number;
  readonly height: number;
  /** Blocks in memory, a whole number of MCUs. */
  readonly blocksWide: number;
  readonly blocksHigh: number;
}

export interface JpegFrame {
  readonly width: number;
  readonly height: number;
  readonly precision: number;
  readonly isProgressive: boolean;
  readonly components: readonly JpegComponent[];
  readonly maxH: number;
  readonly maxV: number;
  readonly mcusWide: number;
  readonly mcusHigh: number;
}

export interface JpegScan {
  readonly components: readonly { readonly index: number; readonly dc: number; readonly ac: number }[];
  /** First and last coefficient, bit positions before and after: 0, 63, 0, 0 unless progressive. */
  readonly from: number;
  readonly to: number;
  readonly high: number;
  readonly low: number;
}

/** What markers have said so far. */
export interface JpegState {
  frame: JpegFrame | undefined;
  readonly quantTables: (Uint16Array | undefined)[];
  readonly dcTables: (HuffmanTable | undefined)[];
  readonly acTables: (HuffmanTable | undefined)[];
  restartInterval: number;
  hasJfif: boolean;
  /** Adobe's marker: 0 as they are, 1 YCbCr, 2 YCCK. */
  adobeTransform: number | undefined;
}

/** What a frame may be that we do not decode, by the low four bits of its marker. */
const foreignFrames: Readonly<Record<number, string>> = {
  3: "lossless JPEG",
  5: "hierarchical JPEG",
  6: "hierarchical JPEG",
  7: "hierarchical JPEG",
  9: "arithmetically coded JPEG",
  10: "arithmetically coded JPEG",
  11: "lossless, arithmetically coded JPEG",
  13: "hierarchical JPEG",
  14: "hierarchical JPEG",
  15: "hierarchical JPEG",
};

/** Tables, comments, profiles and scans; the largest profile has 255. */
const mostSegments = 10_000;

const cutOff = "the file is cut off, get it again";

/** A feature that is refused by its name. */
export class JpegFeature extends Error {}

export function newJpegState(): JpegState {
  return {
    frame: undefined,
    quantTables: [],
    dcTables: [],
    acTables: [],
    restartInterval: 0,
    hasJfif: false,
    adobeTransform: undefined,
  };
}

/**
 * Walks the markers of a stream.
 *
 * @param onScan - decodes a scan whose data begin at `at`; returns where the marker after it begins, or undefined to stop
 * @returns whether the end-of-image marker was reached
 * @throws {JpegDamage} @throws {JpegFeature}
 */
export function walkJpeg(
  bytes: Uint8Array,
  state: JpegState,
  onScan: (scan: JpegScan, at: number) => number | undefined,
): void {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw new JpegDamage("this is no JPEG file, whatever its name says", "");
  let segments = 0;
  for (let at = 2; ; ) {
    if (++segments > mostSegments) throw new JpegDamage(`it has more than ${mostSegments} segments`);
    if (at + 2 > bytes.length) throw new JpegDamage("the end-of-image marker is missing", cutOff);
    if (bytes[at] !== 0xff) throw new JpegDamage(`expected a marker at byte ${at}`);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      segments--; // bytes of ff may fill the space before a marker
      continue;
    }
    if (marker === 0xd9) return;
    const length = at + 4 <= bytes.length ? (bytes[at + 2]! << 8) | bytes[at + 3]! : Number.POSITIVE_INFINITY;
    if (length < 2) throw new JpegDamage(`the segment at byte ${at} has a wrong length`);
    if (at + 2 + length > bytes.length) throw new JpegDamage("it ends within a segment", cutOff);
    const content = bytes.subarray(at + 4, at + 2 + length);
    at += 2 + length;
    if (marker === 0xda) {
      const next = onScan(parseScan(content, state), at);
      if (next === undefined) return;
      at = next;
    } else if (marker === 0xdb) parseQuantTables(content, state);
    else if (marker === 0xc4) parseHuffmanTables(content, state);
    else if (marker === 0xcc) throw new JpegFeature("arithmetically coded JPEG");
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8) parseFrame(content, marker & 15, state);
    else if (marker === 0xdd) {
      if (content.length !== 2) throw new JpegDamage("the restart interval has a wrong length");
      state.restartInterval = (content[0]! << 8) | content[1]!;
    } else if (marker === 0xe0) {
      state.hasJfif ||= content.length >= 12 && text(content, 5) === "JFIF\0";
    } else if (marker === 0xee) {
      if (content.length >= 12 && text(content, 5) === "Adobe") state.adobeTransform = content[11]!;
    } else if (marker === 0xdc) throw new JpegFeature("JPEG whose height stands behind its scan (DNL)");
    else if ((marker >= 0xd0 && marker <= 0xd8) || marker < 0xc0) {
      throw new JpegDamage(`a marker of type ${marker.toString(16)} stands where none may be`);
    }
  }
}

const text = (bytes: Uint8Array, length: number) => String.fromCharCode(...bytes.subarray(0, length));

function parseFrame(content: Uint8Array, kind: number, state: JpegState): void {
  if (kind > 2) throw new JpegFeature(foreignFrames[kind] ?? `JPEG of kind ${kind}`);
  if (state.frame) throw new JpegDamage("there are two frame headers");
  const count = content[5] ?? 0;
  if (content.length !== 6 + 3 * count || count === 0) throw new JpegDamage("the frame header has a wrong length");
  const precision = content[0]!;
  const height = (content[1]! << 8) | content[2]!;
  const width = (content[3]! << 8) | content[4]!;
  if (precision !== 8 && !(precision === 12 && kind > 0)) throw new JpegFeature(`JPEG of ${precision} bits`);
  if (height === 0) throw new JpegFeature("JPEG whose height stands behind its scan (DNL)");
  if (width === 0) throw new JpegDamage("its width is 0");
  if (count > 4) throw new JpegFeature(`JPEG of ${count} components`);
  const given = Array.from({ length: count }, (_, i) => {
    const [id, factors, quantTable] = [...content.subarray(6 + 3 * i, 9 + 3 * i)] as [number, number, number];
    return { id, h: factors >> 4, v: factors & 15, quantTable };
  });
  for (const { h, v, quantTable } of given) {
    if (!(h >= 1 && h <= 4 && v >= 1 && v <= 4 && quantTable < 4)) {
      throw new JpegDamage(`a component has sampling ${h} × ${v} and quantization table ${quantTable}`);
    }
  }
  const maxH = Math.max(...given.map(({ h }) => h));
  const maxV = Math.max(...given.map(({ v }) => v));
  const mcusWide = Math.ceil(width / (8 * maxH));
  const mcusHigh = Math.ceil(height / (8 * maxV));
  const components = given.map((component) => {
    const { h, v } = component;
    if (maxH % h !== 0 || maxV % v !== 0) throw new JpegFeature(`JPEG with sampling ${h} × ${v} of ${maxH} × ${maxV}`);
    return {
      ...component,
      width: Math.ceil((width * h) / maxH),
      height: Math.ceil((height * v) / maxV),
      blocksWide: mcusWide * h,
      blocksHigh: mcusHigh * v,
    };
  });
  const isProgressive = kind === 2;
  state.frame = { width, height, precision, isProgressive, components, maxH, maxV, mcusWide, mcusHigh };
}

function parseScan(content: Uint8Array, { frame }: JpegState): JpegScan {
  if (!frame) throw new JpegDamage("a scan stands before the frame header");
  const count = content[0] ?? 0;
  if (count < 1 || count > 4 || content.length !== 4 + 2 * count)
    throw new JpegDamage("a scan header has a wrong length");
  const components = Array.from({ length: count }, (_, i) => {
    const index = frame.components.findIndex(({ id }) => id === content[1 + 2 * i]);
    const tables = content[2 + 2 * i]!;
    if (index < 0 || tables >> 4 > 3 || (tables & 15) > 3)
      throw new JpegDamage("a scan names a component that is not there");
    return { index, dc: tables >> 4, ac: tables & 15 };
  });
  if (new Set(components.map(({ index }) => index)).size !== count)
    throw new JpegDamage("a scan names a component twice");
  const blocks = components.reduce((n, { index }) => n + frame.components[index]!.h * frame.components[index]!.v, 0);
  if (count > 1 && blocks > 10) throw new JpegDamage(`an MCU of ${blocks} blocks, more than the ten that may be`);
  const [from, to, approximation] = [...content.subarray(1 + 2 * count)] as [number, number, number];
  const [high, low] = [approximation >> 4, approximation & 15];
  if (frame.isProgressive) {
    const fits = from === 0 ? to === 0 : to >= from && to <= 63 && count === 1;
    if (!fits || low > 13 || (high !== 0 && high !== low + 1)) {
      throw new JpegDamage(`a progressive scan of coefficients ${from} to ${to}, bits ${high} to ${low}`);
    }
    return { components, from, to, high, low };
  }
  // Some encoders leave these numbers of sequential scans at 0; they mean nothing there.
  return { components, from: 0, to: 63, high: 0, low: 0 };
}

function parseQuantTables(content: Uint8Array, state: JpegState): void {
  for (let at = 0; at < content.length; ) {
    const [size, id] = [content[at]! >> 4 ? 2 : 1, content[at]! & 15];
    if (content[at]! >> 4 > 1 || id > 3 || at + 1 + 64 * size > content.length) {
      throw new JpegDamage("a quantization table has a wrong length");
    }
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      const from = at + 1 + k * size;
      table[zigzag[k]!] = size === 1 ? content[from]! : (content[from]! << 8) | content[from + 1]!;
    }
    state.quantTables[id] = table;
    at += 1 + 64 * size;
  }
}

function parseHuffmanTables(content: Uint8Array, state: JpegState): void {
  for (let at = 0; at < content.length; ) {
    const [kind, id] = [content[at]! >> 4, content[at]! & 15];
    const counts = content.subarray(at + 1, at + 17);
    const symbols = counts.reduce((a, b) => a + b, 0);
    if (kind > 1 || id > 3 || counts.length < 16 || symbols > 256 || at + 17 + symbols > content.length) {
      throw new JpegDamage("a Huffman table has a wrong length");
    }
    const values = content.slice(at + 17, at + 17 + symbols);
    if (kind === 0 && values.some((value) => value > 15)) throw new JpegDamage("a Huffman table is wrong");
    (kind === 0 ? state.dcTables : state.acTables)[id] = huffmanTable(counts, values);
    at += 17 + symbols;
  }
}

/** Where the k-th coefficient of a block stands in it, row by row. */
export const zigzag = Uint8Array.of(
  ...[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21],
  ...[28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61],
  ...[54, 47, 55, 62, 63],
);
