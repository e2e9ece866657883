import { deflateSync } from "node:zlib";
import type { Volume, VoxelArray } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import type { WriteImageOptions } from "../image-format.ts";
import { typeOfArray } from "../voxels/stored-voxels.ts";
import { narrowestIntegers } from "../voxels/unsigned-voxels.ts";
import { writeTiffSpacing } from "./tiff-spacing.ts";
import { compressions, photometrics, tags } from "./tiff-tags.ts";

/** A strip of about this size is compressed at once. */
const stripBytes = 256 * 1024;
/** Offsets of 32 bits end here; deflate makes noise a little larger than it is. */
const largestClassic = 2 ** 32 - 2 ** 26;

/**
 * Writes a TIFF file, a page per slice; BigTIFF where it needs one. Whole numbers from 0 to 65535 are stored in the narrowest
 * unsigned type that holds them all, everything else in the array's own type. Three channels of unsigned numbers are RGB, four
 * RGB and alpha, any others samples without a meaning.
 *
 * The spacing of several slices stands in a JSON file beside, as nnU-Net has it.
 *
 * @param options - compression: 0 for none, 1 to 9 for deflate, 1 by default
 * @throws {FileError} if there is a spacing file that says something else and may not be replaced
 */
export async function writeTiff(path: string, volume: Volume, options: WriteImageOptions = {}): Promise<void> {
  const chunks = async function* () {
    yield* tiffChunks(volume, options.compression ?? 1);
    // Before the image has its name: without its spacing it would be read with another.
    await writeTiffSpacing(path, volume, options);
  };
  await writeChunksAtomic(path, chunks());
}

function* tiffChunks(volume: Volume, level: number, big?: boolean): Generator<Uint8Array> {
  const data = narrowestIntegers(volume.data);
  const slices = volume.shape[1];
  const isBig = big ?? data.byteLength > largestClassic;
  const header = isBig
    ? Buffer.of(0x49, 0x49, 43, 0, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0)
    : Buffer.of(0x49, 0x49, 42, 0, 8, 0, 0, 0);
  yield header;
  let at = header.length;
  for (let z = 0; z < slices; z++) {
    const { strips, rowsPerStrip } = stripsOf(data, volume.shape, z, level);
    const directory = encodeDirectory(
      entriesOf(data, volume.shape, rowsPerStrip, strips, level),
      at,
      strips,
      isBig,
      z + 1 === slices,
    );
    yield directory;
    for (const strip of strips) yield strip;
    const length = directory.length + strips.reduce((n, strip) => n + strip.length, 0);
    const padding = length % 8 === 0 ? 0 : 8 - (length % 8);
    yield Buffer.alloc(padding);
    at += length + padding;
  }
}

/** The rows of one slice, samples of a pixel together, compressed. */
function stripsOf(
  data: VoxelArray,
  [channels, slices, height, width]: Volume["shape"],
  z: number,
  level: number,
): { strips: Uint8Array[]; rowsPerStrip: number } {
  const rowBytes = width * channels * data.BYTES_PER_ELEMENT;
  const rowsPerStrip = Math.max(1, Math.min(height, Math.floor(stripBytes / rowBytes)));
  const strips: Uint8Array[] = [];
  for (let y = 0; y < height; y += rowsPerStrip) {
    const pixels = Math.min(rowsPerStrip, height - y) * width;
    const values = new (data.constructor as new (length: number) => VoxelArray)(pixels * channels);
    for (let c = 0; c < channels; c++) {
      const from = ((c * slices + z) * height + y) * width;
      if (channels === 1) values.set(data.subarray(from, from + pixels));
      else for (let i = 0, to = c; i < pixels; i++, to += channels) values[to] = data[from + i]!;
    }
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    strips.push(level === 0 ? bytes : deflateSync(bytes, { level }));
  }
  return { strips, rowsPerStrip };
}

/** A tag and its numbers; offsets of strips are filled in where the directory lies. */
type Entry = readonly [tag: number, type: "short" | "offset", values: readonly number[]];

function entriesOf(
  data: VoxelArray,
  [channels, , height, width]: Volume["shape"],
  rowsPerStrip: number,
  strips: readonly Uint8Array[],
  level: number,
): Entry[] {
  const type = typeOfArray(data);
  const isColour = (channels === 3 || channels === 4) && (type === "uint8" || type === "uint16");
  const unknown = isColour ? channels - 3 : channels - 1;
  const format = type.startsWith("float") ? 3 : type.startsWith("int") ? 2 : 1;
  const each = (value: number) => new Array<number>(channels).fill(value);
  const entries: Entry[] = [
    [tags.ImageWidth, "offset", [width]],
    [tags.ImageLength, "offset", [height]],
    [tags.BitsPerSample, "short", each(8 * data.BYTES_PER_ELEMENT)],
    [tags.Compression, "short", [level === 0 ? compressions.none : compressions.deflate]],
    [tags.PhotometricInterpretation, "short", [isColour ? photometrics.rgb : photometrics.blackIsZero]],
    [tags.StripOffsets, "offset", strips.map(() => 0)],
    [tags.SamplesPerPixel, "short", [channels]],
    [tags.RowsPerStrip, "offset", [rowsPerStrip]],
    [tags.StripByteCounts, "offset", strips.map(({ length }) => length)],
    [tags.PlanarConfiguration, "short", [1]],
  ];
  // 2 is alpha by which colours are not multiplied, 0 says nothing.
  if (unknown > 0) entries.push([tags.ExtraSamples, "short", new Array<number>(unknown).fill(isColour ? 2 : 0)]);
  entries.push([tags.SampleFormat, "short", each(format)]);
  return entries;
}

/** The directory that lies at `at`, with the values that do not fit into it, before its strips. */
function encodeDirectory(
  entries: readonly Entry[],
  at: number,
  strips: readonly Uint8Array[],
  isBig: boolean,
  isLast: boolean,
): Buffer {
  const offsetSize = isBig ? 8 : 4;
  const sizeOf = (type: Entry[1]) => (type === "short" ? 2 : offsetSize);
  const tableSize = (isBig ? 8 : 2) + entries.length * (isBig ? 20 : 12) + offsetSize;
  const outside = entries.map(([, type, values]) => {
    const size = sizeOf(type) * values.length;
    return size <= offsetSize ? 0 : 8 * Math.ceil(size / 8);
  });
  const tableEnd = 8 * Math.ceil(tableSize / 8);
  const length = tableEnd + outside.reduce((a, b) => a + b, 0);
  const bytes = Buffer.alloc(length);
  const offset = (value: number, to: number) =>
    isBig ? bytes.writeBigUInt64LE(BigInt(value), to) : bytes.writeUInt32LE(value, to);
  let to = isBig ? 8 : 2;
  if (isBig) bytes.writeBigUInt64LE(BigInt(entries.length), 0);
  else bytes.writeUInt16LE(entries.length, 0);
  let free = tableEnd;
  for (const [i, [tag, type, values]] of entries.entries()) {
    bytes.writeUInt16LE(tag, to);
    bytes.writeUInt16LE(type === "short" ? 3 : isBig ? 16 : 4, to + 2);
    offset(values.length, to + 4);
    const valueAt = to + 4 + offsetSize;
    if (outside[i] !== 0) offset(at + free, valueAt);
    let next = outside[i] === 0 ? valueAt : free;
    let strip = at + length;
    for (const [n, value] of values.entries()) {
      if (type === "short") bytes.writeUInt16LE(value, next);
      else offset(tag === tags.StripOffsets ? strip : value, next);
      if (tag === tags.StripOffsets) strip += strips[n]!.length;
      next += sizeOf(type);
    }
    free += outside[i]!;
    to += isBig ? 20 : 12;
  }
  const total = length + strips.reduce((n, strip) => n + strip.length, 0);
  if (!isLast) offset(at + 8 * Math.ceil(total / 8), to);
  return bytes;
}
