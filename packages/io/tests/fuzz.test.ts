import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { createRandom, elementCount, isNnunetError, type Volume } from "@nnunet/core";
import { readImage, readImageInfo, writeImage } from "@nnunet/io";
import { mutate, scale } from "../../core/tests/mutants.ts";
import { loadEntries, scratchFolder, unpack } from "./nifti-files.ts";

/*
 * Seeded mutants of good files. Each must be read to exactly the voxels that its bytes say, as worked out here by
 * simpler code, or be refused with one of our errors that names the file. None may hang, crash, or take memory.
 */

const folder = scratchFolder();
const entries = loadEntries();
const fileOf = (name: string) => readFileSync(unpack(entries.find((e) => e.name === name)!, folder));

type Check = (volume: Volume, bytes: Buffer) => void;
/** Whether the values are right is another test's question (picture-kinds, other-kinds). */
const ownLimits: Check = () => {};

async function fuzz(
  name: string,
  seed: number,
  count: number,
  original: Buffer,
  headerBytes: number,
  check: Check,
  { repair = (bytes: Buffer) => bytes, someRead = true } = {},
) {
  const random = createRandom(seed);
  const path = join(folder, name);
  const before = process.memoryUsage().rss;
  let read = 0;
  for (let i = 0; i < count * scale; i++) {
    const bytes = repair(mutate(original, random, headerBytes));
    writeFileSync(path, bytes);
    const started = performance.now();
    try {
      const volume = await readImage(path);
      expect(volume.data.length).toBe(elementCount(volume.shape));
      expect(volume.geometry.spacing.every((s) => s > 0 && Number.isFinite(s))).toBe(true);
      expect([...volume.geometry.origin, ...volume.geometry.direction].every(Number.isFinite)).toBe(true);
      check(volume, bytes);
      expect((await readImageInfo(path)).shape).toEqual(volume.shape);
      read++;
    } catch (error) {
      if (!isNnunetError(error, "IMAGE_FILE", "UNSUPPORTED", "FILE", "LIMIT")) {
        throw new Error(`mutant ${i} of ${name} (seed ${seed}): ${(error as Error).message}`, { cause: error });
      }
      expect(error.message).toContain(name.slice(0, name.indexOf(".")));
    }
    expect(performance.now() - started).toBeLessThan(5000);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(400e6);
  // Otherwise the mutations were so coarse that nothing but the first check was tried.
  if (someRead) expect(read).toBeGreaterThan(0);
}

describe("NIfTI", () => {
  /** A plain reading of the fields that decide about the voxels. */
  const checkNifti: Check = ({ data, shape }, bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const little = [348, 540].includes(view.getInt32(0, true));
    const two = view.getInt32(0, little) === 540;
    const dim = Array.from({ length: 8 }, (_, i) =>
      two ? Number(view.getBigInt64(16 + 8 * i, little)) : view.getInt16(40 + 2 * i, little),
    ).map((n, i, all) => (i > all[0]! ? 1 : n));
    const type = view.getInt16(two ? 12 : 70, little);
    const start = two ? Number(view.getBigInt64(168, little)) : Math.floor(view.getFloat32(108, little));
    const slope = two ? view.getFloat64(176, little) : view.getFloat32(112, little);
    const inter = two ? view.getFloat64(184, little) : view.getFloat32(116, little);
    const readers: Record<number, [number, (at: number) => number]> = {
      2: [1, (at) => view.getUint8(at)],
      256: [1, (at) => view.getInt8(at)],
      4: [2, (at) => view.getInt16(at, little)],
      512: [2, (at) => view.getUint16(at, little)],
      8: [4, (at) => view.getInt32(at, little)],
      768: [4, (at) => view.getUint32(at, little)],
      16: [4, (at) => view.getFloat32(at, little)],
      64: [8, (at) => view.getFloat64(at, little)],
      1024: [8, (at) => Number(view.getBigInt64(at, little))],
      1280: [8, (at) => Number(view.getBigUint64(at, little))],
    };
    expect(shape.slice(1)).toEqual([dim[3], dim[2], dim[1]]);
    if (type === 128 || type === 2304) return;
    const [size, value] = readers[type]!;
    expect(start + size * data.length).toBe(bytes.length);
    const scaled = slope !== 0 && Number.isFinite(slope) && !(slope === 1 && inter === 0);
    for (let i = 0; i < data.length; i++) {
      const stored = value(start + size * i);
      const expected = scaled ? stored * slope + inter : stored;
      expect(data[i]).toBe(data instanceof Float32Array ? Math.fround(expected) : expected);
    }
  };

  test.each([
    ["order xyz+++", 700],
    ["oblique qform 0 -1", 300],
    ["float32 big endian", 300],
    ["scaled int16 0.5 -10", 300],
    ["NIfTI-2", 300],
    ["4D", 200],
  ])("plain: %s", async (name, count) => {
    await fuzz("plain.nii", count, count, fileOf(name), 352, checkNifti);
  });

  test("compressed", async () => {
    const gz = gzipSync(fileOf("order xyz+++"));
    await fuzz("packed.nii.gz", 11, 700, gz, 20, (volume, bytes) => checkNifti(volume, gunzipSync(bytes)));
  });
});

describe("NRRD and MetaImage", () => {
  /** The bytes after the header are the voxels, whatever the header calls them; a changed byte order turns them round. */
  const checkText =
    (headerEnd: RegExp): Check =>
    ({ data, shape }, bytes) => {
      const text = bytes.toString("latin1");
      const end = headerEnd.exec(text)!;
      const rest = bytes.subarray(end.index + end[0].length);
      const header = text.slice(0, end.index);
      const isGzip = /^encoding: ?(gz|gzip)$/im.test(header.replaceAll("\r", ""));
      const isZlib = /^CompressedData\s*=\s*(true|t|1)\r?$/im.test(header);
      const raw = isGzip ? gunzipSync(rest) : isZlib ? inflateSync(rest) : rest;
      const skip = /byte ?skip|HeaderSize/.test(header) ? raw.length - data.byteLength : 0;
      const stored = Buffer.from(raw.subarray(skip));
      const got = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      if (shape[0] > 1) return expect([...got].sort()).toEqual([...stored].sort());
      if (got.equals(stored)) return;
      if (data.BYTES_PER_ELEMENT === 2) stored.swap16();
      else if (data.BYTES_PER_ELEMENT === 4) stored.swap32();
      else if (data.BYTES_PER_ELEMENT === 8) stored.swap64();
      expect(got.equals(stored)).toBe(true);
    };

  test.each([
    ["nrrd", 0, 600],
    ["nrrd", 1, 500],
    ["mha", 0, 400],
    ["mha", 1, 300],
  ] as const)("%s, compression %d", async (ending, compression, count) => {
    const volume = await readImage(unpack(entries.find(({ name }) => name === "oblique sform 0 1")!, folder));
    const path = join(folder, `good.${ending}`);
    await writeImage(path, volume, { compression });
    const bytes = readFileSync(path);
    const headerEnd = ending === "nrrd" ? /\r?\n\r?\n/ : /ElementDataFile\s*=\s*LOCAL\r?\n/i;
    const header = bytes.length - 100;
    await fuzz(`text${compression}.${ending}`, 21 + compression, count, bytes, header, checkText(headerEnd));
  });
});

describe("PNG", () => {
  const pictures = JSON.parse(readFileSync(new URL("./fixtures/pictures.json", import.meta.url), "utf8")).entries;

  test.each([
    ["grey8.png", 400],
    ["rgb8.png", 400],
    ["palette-bits2.png", 300],
    ["grey16.png", 300],
    ["interlaced.png", 300],
  ])("%s", async (name, count) => {
    const picture = pictures.find((p: { name: string }) => p.name === name);
    // Checksums cover every byte: what can be read is the picture itself.
    const check: Check = ({ data, shape }) => {
      expect(shape).toEqual(picture.shape);
      expect(Array.from(data)).toEqual(picture.pixels);
    };
    const bytes = Buffer.from(picture.file, "base64");
    await fuzz("picture.png", count, count, bytes, 60, check, { someRead: false });
  });

  /** Gives every chunk that is still whole a right checksum again, so that what lies behind the checksums is tried. */
  const repair = (bytes: Buffer): Buffer => {
    for (let at = 8; at + 12 <= bytes.length; ) {
      const length = bytes.readUInt32BE(at);
      if (at + 12 + length > bytes.length) break;
      bytes.writeUInt32BE(crc32(bytes.subarray(at + 4, at + 8 + length)), at + 8 + length);
      at += 12 + length;
    }
    return bytes;
  };

  test.each(["rgb8.png", "palette-bits2.png", "grey16.png", "interlaced.png"])(
    "%s, checksums repaired",
    async (name) => {
      const picture = pictures.find((p: { name: string }) => p.name === name);
      const original = Buffer.from(picture.file, "base64");
      const check: Check = ({ data, shape }, bytes) => {
        expect([shape[3], shape[2]]).toEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]);
        // The pixels have zlib's checksum; they are the same unless the header or the palette means them differently.
        if (bytes.subarray(0, 33).equals(original.subarray(0, 33)) && name !== "palette-bits2.png") {
          expect(Array.from(data)).toEqual(picture.pixels);
        }
      };
      await fuzz("repaired.png", 31, 300, original, 41, check, { repair });
    },
  );
});

const kindsOf = (format: string): { name: string; file: string; voxels?: string }[] => {
  const archive = readFileSync(new URL(`./fixtures/${format}-kinds.json.gz`, import.meta.url));
  return JSON.parse(gunzipSync(archive).toString()).entries;
};

describe("TIFF, BMP and JPEG", () => {
  test.each([
    ["u2 None ['tile']", 250],
    ["f4 zlib []", 250],
    ["i2 lzw ['tile']", 250],
    ["u1 packbits ['rowsperstrip']", 250],
    ["i4 zstd ['rowsperstrip']", 250],
    ["rgb 4 ['unassalpha'] apart", 200],
    ["jpeg ycbcr (2, 2) ['tile']", 250],
    ["jpeg separated", 100],
    ["12 bits", 150],
    ["palette", 150],
    ["ImageJ slices and channels", 200],
    ["ImageJ in one directory", 150],
    ["OME ZCYX", 200],
    ["pyramid below", 150],
    ["group4 0", 250],
    ["group3 5", 200],
    ["tiff_ccitt 0", 150],
  ])("TIFF: %s", async (name, count) => {
    const bytes = Buffer.from(kindsOf("tiff").find((kind) => kind.name.startsWith(name))!.file, "hex");
    // Directories lie at the beginning or at the end; small files are mutated everywhere alike.
    await fuzz("picture.tif", count, count, bytes, Math.min(bytes.length, 400), ownLimits);
  });

  /** Where only pixels changed, these are the changed pixels. */
  test("TIFF without compression: what the bytes say", async () => {
    const path = join(folder, "plain.tif");
    const pixels = Uint16Array.from({ length: 60 }, (_, i) => i * 1000);
    const geometry = { spacing: [1, 1, 1], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as const;
    await writeImage(path, { data: pixels, shape: [1, 1, 6, 10], geometry }, { compression: 0 });
    const original = readFileSync(path);
    const start = original.indexOf(Buffer.from(pixels.buffer, 0, 40));
    const check: Check = ({ data }, bytes) => {
      if (bytes.length !== original.length || !bytes.subarray(0, start).equals(original.subarray(0, start))) return;
      expect(Buffer.from(data.buffer).equals(bytes.subarray(start, start + 120))).toBe(true);
    };
    await fuzz("plain.tif", 77, 500, original, 300, check);
  });

  test.each([
    ["header 40, 4 bits, colours", 250],
    ["header 12, 8 bits, greys", 200],
    ["header 124, 8 bits, ramp", 200],
    ["header 40, 24 bits", 250],
    ["header 56, masks", 200],
    ["run lengths of 8 bits 1", 300],
    ["run lengths of 4 bits 2", 300],
  ])("BMP: %s", async (name, count) => {
    const bytes = Buffer.from(kindsOf("bmp").find((kind) => kind.name.startsWith(name))!.file, "hex");
    await fuzz("picture.bmp", count, count, bytes, 140, ownLimits);
  });

  test.each([
    ["L 0  []", 250],
    ["L 0 progressive", 300],
    ["RGB 2  [('restart_marker_blocks', 2)]", 250],
    ["RGB 2 progressive", 300],
    ["CMYK 1 ", 150],
    ["sampling 440", 150],
    ["12 bits", 150],
  ])("JPEG: %s", async (name, count) => {
    const bytes = Buffer.from(kindsOf("jpeg").find((kind) => kind.name.startsWith(name))!.file, "hex");
    await fuzz("picture.jpg", count, count, bytes, bytes.length, ownLimits);
  });
});

describe("GIPL, MGH, MRC and VTK", () => {
  test.each([
    ["u2_3.gipl", 250],
    ["u2_3.gipl.gz", 100],
    ["i2_2.mgh", 250],
    ["i2_1.mgz", 100],
    ["f4_3.mrc", 250],
    ["u2_3.vtk", 300],
  ])("%s", async (name, count) => {
    const bytes = Buffer.from(kindsOf("other").find((kind) => kind.name === name)!.file, "hex");
    // A checksum covers every byte of what is compressed.
    const someRead = !name.endsWith("z");
    await fuzz(`mutant${name.slice(name.indexOf("."))}`, count, count, bytes, 300, ownLimits, { someRead });
  });
});

describe("DICOM", () => {
  const archive = gunzipSync(readFileSync(new URL("./fixtures/dicom.json.gz", import.meta.url))).toString();
  const kinds: readonly { name: string; files: Record<string, string> }[] = JSON.parse(archive).entries;
  const original = (name: string) => Buffer.from(kinds.find((kind) => kind.name === name)!.files[""]!, "base64");
  const pixelsAt = (bytes: Buffer) => bytes.lastIndexOf("e07f1000", undefined, "hex");

  test.each([
    ["uint16 16 bits explicit", 500],
    ["int16 12 bits implicit", 400],
    ["uint32 32 bits big endian", 300],
    ["uint16 16 bits deflated", 300],
    ["1 bit explicit", 200],
    ["palette of 16 bits in 2 bytes, uint8", 200],
    ["enhanced CT explicit", 400],
    ["enhanced CT implicit", 300],
    ["RT dose, offsets relative", 200],
    ["segmentation of two segments", 200],
    ["Siemens mosaic, normal 1", 200],
    ["RLE RGB", 300],
    ["JPEG colour 420 75", 200],
    ["lossless JPEG predictor 1 uint16 16", 60],
    ["JPEG-LS uint16 12", 60],
    ["JPEG 2000 uint16 16", 60],
    ["HTJ2K uint16 16", 60],
  ])("%s", async (name, count) => {
    const bytes = original(name);
    const at = pixelsAt(bytes);
    // Where nothing before the pixels has changed, the voxels are the bytes behind.
    const check: Check = ({ data }, mutant) => {
      if (name !== "uint16 16 bits explicit" || !mutant.subarray(0, at + 12).equals(bytes.subarray(0, at + 12))) return;
      const stored = mutant.subarray(at + 12, at + 12 + data.byteLength);
      expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(stored)).toBe(true);
    };
    await fuzz("mutant.dcm", count, count, bytes, at < 0 ? bytes.length : at + 12, check);
  });
});

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
