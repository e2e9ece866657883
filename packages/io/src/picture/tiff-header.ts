import { ImageFileError, UnsupportedError } from "@nnunet/core";

/** What the pages of a TIFF file say, checked against the file's size. */
export interface TiffHeader {
  readonly width: number;
  readonly height: number;
  readonly pages: number;
  readonly samples: number;
  readonly bytesPerSample: number;
  readonly dataType: string;
}

const tagNames: Readonly<Record<number, string>> = {
  256: "ImageWidth",
  257: "ImageLength",
  258: "BitsPerSample",
  259: "Compression",
  262: "PhotometricInterpretation",
  273: "StripOffsets",
  277: "SamplesPerPixel",
  279: "StripByteCounts",
  324: "TileOffsets",
  325: "TileByteCounts",
  339: "SampleFormat",
};
const typeSizes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 16: 8 };

/**
 * Walks the pages of a TIFF or BigTIFF file: no page may occur twice, all must be of one size and type, and all their
 * strips or tiles must lie inside the file.
 *
 * @throws {ImageFileError} naming the tag that is wrong
 * @throws {UnsupportedError} for bits per sample other than 8, 16, 32 and 64
 */
export function parseTiffHeader(bytes: Buffer, path: string): TiffHeader {
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  const order = bytes.toString("latin1", 0, 2);
  if (bytes.length < 8 || (order !== "II" && order !== "MM")) fail("", "this is no TIFF file, whatever its name says");
  const little = order === "II";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (at: number, size: number): number => {
    if (!(at >= 0 && at + size <= bytes.length))
      return fail("", `it points to byte ${at}, but has ${bytes.length}; it is cut off`);
    if (size === 1) return view.getUint8(at);
    if (size === 2) return view.getUint16(at, little);
    return size === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
  };
  const magic = read(2, 2);
  if (magic !== 42 && magic !== 43) fail("", "this is no TIFF file, whatever its name says");
  const big = magic === 43;
  const [offsetSize, countSize, entrySize] = big ? [8, 8, 20] : [4, 2, 12];
  const seen = new Set<number>();
  let first: TiffHeader | undefined;
  for (let at = big ? read(8, 8) : read(4, 4); at !== 0; ) {
    if (seen.has(at)) fail("", "the chain of pages leads back to an earlier page; the file is damaged");
    seen.add(at);
    const entries = read(at, countSize);
    const tags = new Map<number, number[]>();
    for (let i = 0; i < entries; i++) {
      const entry = at + countSize + i * entrySize;
      const tag = read(entry, 2);
      const size = typeSizes[read(entry + 2, 2)];
      if (tagNames[tag] === undefined || size === undefined) continue;
      const count = read(entry + 4, offsetSize);
      const values = entry + 4 + offsetSize;
      const from = count * size <= offsetSize ? values : read(values, offsetSize);
      if (!(from + count * size <= bytes.length))
        fail(tagNames[tag]!, "its values lie outside the file; it is cut off");
      tags.set(
        tag,
        Array.from({ length: count }, (_, k) => read(from + k * size, size)),
      );
    }
    const page = checkPage(tags, bytes.length, path);
    const same = (key: keyof TiffHeader) => first === undefined || first[key] === page[key];
    if (!(["width", "height", "samples", "dataType"] as const).every(same)) {
      fail("", `page ${seen.size} has another size or type than the first; save the pages as files of their own`);
    }
    first ??= page;
    at = read(at + countSize + entries * entrySize, offsetSize);
  }
  if (!first) return fail("", "there is no page in it");
  return { ...first, pages: seen.size };
}

function checkPage(tags: ReadonlyMap<number, number[]>, fileSize: number, path: string): TiffHeader {
  const fail = (tag: number, problem: string): never => {
    throw new ImageFileError(path, tagNames[tag]!, problem);
  };
  const one = (tag: number, absent?: number): number =>
    tags.get(tag)?.[0] ?? absent ?? fail(tag, "this tag is missing");
  const [width, height, samples] = [one(256), one(257), one(277, 1)];
  if (!(width > 0 && height > 0 && samples > 0 && samples <= 4)) {
    fail(256, `${width} × ${height} pixels of ${samples} samples are not an image that can be read`);
  }
  const bits = tags.get(258) ?? [1];
  if (!bits.every((b) => b === bits[0]) || ![8, 16, 32, 64].includes(bits[0]!)) {
    throw new UnsupportedError(`TIFF with ${bits.join(", ")} bits per sample (${path})`, "save it with 8, 16 or 32");
  }
  const format = one(339, 1);
  if (![1, 2, 3].includes(format) || (format === 3 && bits[0]! < 32))
    fail(339, `${format} is not a format that can be read`);
  const bytesPerSample = bits[0]! / 8;
  const compression = one(259, 1);
  const tiled = tags.has(324);
  const offsets = tags.get(tiled ? 324 : 273) ?? fail(273, "this tag is missing");
  const counts = tags.get(tiled ? 325 : 279) ?? fail(279, "this tag is missing");
  if (offsets.length !== counts.length) fail(279, `expected ${offsets.length} numbers, got ${counts.length}`);
  let stored = 0;
  for (const [i, offset] of offsets.entries()) {
    if (!(offset + counts[i]! <= fileSize)) fail(tiled ? 324 : 273, `strip ${i} ends beyond the file; it is cut off`);
    stored += counts[i]!;
  }
  const needed = width * height * samples * bytesPerSample;
  // Uncompressed pixels must all be there; no compression of TIFF does better than DEFLATE's 1032 : 1 by much.
  if (compression === 1 && stored < needed) fail(279, `the page needs ${needed} bytes, its strips have ${stored}`);
  if (needed > stored * 2000) fail(256, `${stored} bytes cannot hold ${width} × ${height} pixels`);
  const dataType = `${format === 3 ? "float" : format === 2 ? "int" : "uint"}${bits[0]}`;
  return { width, height, pages: 1, samples: one(262, 1) === 3 ? 3 : samples, bytesPerSample, dataType };
}
