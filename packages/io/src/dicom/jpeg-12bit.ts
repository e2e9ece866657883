import { jpegBits } from "./jpeg-bits.ts";

/*
 * JPEG's extended process with 12 bits (transfer syntax 1.2.840.10008.1.2.4.51), one component, sequential: what no
 * package for Node decodes. ISO/IEC 10918-1; the inverse transform is that of libjpeg's "islow", so that the result is
 * the same number for number.
 */

const zigzag = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
];

/**
 * @returns rows × columns numbers from 0 to 4095
 * @throws {Error} saying what is damaged, or what is not decoded
 */
export function decodeJpeg12(stream: Buffer): Uint16Array {
  const quantisation: (readonly number[] | undefined)[] = [];
  const tables = new Map<number, HuffmanTable>();
  let frame: Frame | undefined;
  let restartInterval = 0;
  for (let at = 2; at + 4 <= stream.length; ) {
    const marker = stream[at + 1]!;
    if (stream[at] !== 0xff) throw new Error("a marker is missing");
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = stream.readUInt16BE(at + 2);
    const segment = stream.subarray(at + 4, at + 2 + length);
    if (segment.length !== length - 2) throw new Error("the stream is cut off");
    if (marker === 0xdb) readQuantisation(segment, quantisation);
    else if (marker === 0xc4) readTables(segment, tables);
    else if (marker === 0xc0 || marker === 0xc1) frame = readFrame(segment);
    else if (marker === 0xdd) restartInterval = segment.readUInt16BE(0);
    else if (marker === 0xda) {
      if (!frame) throw new Error("there is no frame before the scan");
      return decodeScan(stream.subarray(at + 2 + length), frame, segment, { quantisation, tables, restartInterval });
    }
    at += 2 + length;
  }
  throw new Error("there is no scan in it");
}

interface Frame {
  readonly rows: number;
  readonly columns: number;
  readonly quantisation: number;
}

/** Codes of one length follow each other: the first, and where its value stands. */
interface HuffmanTable {
  readonly values: Uint8Array;
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly start: Int32Array;
}

function readQuantisation(segment: Buffer, tables: (readonly number[] | undefined)[]): void {
  for (let at = 0; at < segment.length; ) {
    const [precision, id] = [segment[at]! >> 4, segment[at]! & 15];
    const width = precision === 0 ? 1 : 2;
    if (at + 1 + 64 * width > segment.length) throw new Error("a quantisation table is cut off");
    const table = Array<number>(64).fill(0);
    for (let i = 0; i < 64; i++) {
      const from = at + 1 + i * width;
      table[zigzag[i]!] = width === 1 ? segment[from]! : segment.readUInt16BE(from);
    }
    tables[id] = table;
    at += 1 + 64 * width;
  }
}

function readTables(segment: Buffer, tables: Map<number, HuffmanTable>): void {
  for (let at = 0; at + 17 <= segment.length; ) {
    const id = segment[at]!;
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, n) => sum + n, 0);
    const values = Uint8Array.from(segment.subarray(at + 17, at + 17 + total));
    if (values.length !== total) throw new Error("a Huffman table is cut off");
    const [first, last, start] = [new Int32Array(17), new Int32Array(17).fill(-1), new Int32Array(17)];
    for (let length = 1, code = 0, k = 0; length <= 16; length++, code <<= 1) {
      const n = counts[length - 1]!;
      first[length] = code;
      start[length] = k;
      if (n > 0) last[length] = code + n - 1;
      code += n;
      k += n;
    }
    tables.set(id, { values, first, last, start });
    at += 17 + total;
  }
}

function readFrame(segment: Buffer): Frame {
  if (segment.length < 9 || segment[5] !== 1) throw new Error("more than one component of 12 bits");
  const rows = segment.readUInt16BE(1);
  return { rows, columns: segment.readUInt16BE(3), quantisation: segment[8]! };
}

interface Tables {
  readonly quantisation: readonly (readonly number[] | undefined)[];
  readonly tables: ReadonlyMap<number, HuffmanTable>;
  readonly restartInterval: number;
}

function decodeScan(data: Buffer, frame: Frame, scan: Buffer, tables: Tables): Uint16Array {
  const selector = scan[2] ?? 0;
  const dc = tables.tables.get(selector >> 4);
  const ac = tables.tables.get(16 + (selector & 15));
  const quantisation = tables.quantisation[frame.quantisation];
  if (!dc || !ac || !quantisation) throw new Error("a table is missing");
  const { rows, columns } = frame;
  const pixels = new Uint16Array(rows * columns);
  const bits = jpegBits(data);
  const coefficients = new Float64Array(64);
  const [across, down] = [Math.ceil(columns / 8), Math.ceil(rows / 8)];
  let predicted = 0;
  for (let block = 0; block < across * down; block++) {
    if (tables.restartInterval > 0 && block > 0 && block % tables.restartInterval === 0) {
      bits.restart();
      predicted = 0;
    }
    coefficients.fill(0);
    predicted += signed(bits.read, decodeValue(bits.read, dc));
    coefficients[0] = predicted * quantisation[0]!;
    for (let k = 1; k < 64; k++) {
      const code = decodeValue(bits.read, ac);
      const [run, size] = [code >> 4, code & 15];
      if (size === 0 && run < 15) break;
      k += run;
      if (k > 63) throw new Error("a block has too many coefficients");
      const place = zigzag[k]!;
      coefficients[place] = signed(bits.read, size) * quantisation[place]!;
    }
    inverseTransform(coefficients);
    put(pixels, coefficients, (block % across) * 8, Math.floor(block / across) * 8, frame);
  }
  return pixels;
}

function put(pixels: Uint16Array, block: Float64Array, x: number, y: number, { rows, columns }: Frame): void {
  for (let j = 0; j < 8 && y + j < rows; j++) {
    for (let i = 0; i < 8 && x + i < columns; i++) {
      pixels[(y + j) * columns + x + i] = Math.min(4095, Math.max(0, block[8 * j + i]! + 2048));
    }
  }
}

type ReadBits = (count: number) => number;

function decodeValue(read: ReadBits, { values, first, last, start }: HuffmanTable): number {
  for (let length = 1, code = 0; length <= 16; length++) {
    code = (code << 1) | read(1);
    if (code <= last[length]! && code >= first[length]!) return values[start[length]! + code - first[length]!]!;
  }
  throw new Error("a code belongs to no value");
}

/** A number of so many bits, negative where its first bit is 0. */
function signed(read: ReadBits, size: number): number {
  if (size === 0) return 0;
  if (size > 16) throw new Error("a coefficient has too many bits");
  const value = read(size);
  return value < 2 ** (size - 1) ? value - 2 ** size + 1 : value;
}

/** Multiples of 2⁻¹³: libjpeg's constants of the transform of Loeffler, Ligtenberg and Moschytz. */
const [c0298, c0390, c0541, c0765, c0899, c1175] = [2446, 3196, 4433, 6270, 7373, 9633] as const;
const [c1501, c1847, c1961, c2053, c2562, c3072] = [12299, 15137, 16069, 16819, 20995, 25172] as const;
const constantBits = 13;
/** Of precision kept between the two passes, for 12 bits. */
const passBits = 1;

function inverseTransform(block: Float64Array): void {
  for (let i = 0; i < 8; i++) oneDimension(block, i, 8, constantBits - passBits);
  for (let i = 0; i < 8; i++) oneDimension(block, 8 * i, 1, constantBits + passBits + 3);
}

function oneDimension(v: Float64Array, at: number, step: number, descaleBits: number): void {
  const value = (i: number) => v[at + i * step]!;
  const common = (value(2) + value(6)) * c0541;
  const even2 = common - value(6) * c1847;
  const even3 = common + value(2) * c0765;
  const even0 = (value(0) + value(4)) * 2 ** constantBits;
  const even1 = (value(0) - value(4)) * 2 ** constantBits;
  const [a0, a3, a1, a2] = [even0 + even3, even0 - even3, even1 + even2, even1 - even2];
  const [o0, o1, o2, o3] = [value(7), value(5), value(3), value(1)];
  const z5 = (o0 + o2 + o1 + o3) * c1175;
  const z1 = (o0 + o3) * -c0899;
  const z2 = (o1 + o2) * -c2562;
  const z3 = (o0 + o2) * -c1961 + z5;
  const z4 = (o1 + o3) * -c0390 + z5;
  const b0 = o0 * c0298 + z1 + z3;
  const b1 = o1 * c2053 + z2 + z4;
  const b2 = o2 * c3072 + z2 + z3;
  const b3 = o3 * c1501 + z1 + z4;
  const scale = 2 ** descaleBits;
  const results = [a0 + b3, a1 + b2, a2 + b1, a3 + b0, a3 - b0, a2 - b1, a1 - b2, a0 - b3];
  for (let i = 0; i < 8; i++) v[at + i * step] = Math.floor(results[i]! / scale + 0.5);
}
