import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume } from "@nnunet/core";
import { readImage, readImageInfo, writeImage } from "@nnunet/io";
import { loadEntries, scratchFolder, unpack } from "./nifti-files.ts";

/*
 * The corpus of damaged and odd files: each is read to exactly the right voxels, or refused by one sentence that names
 * the file and the field.
 */

const folder = scratchFolder();
const entries = loadEntries();
const named = (name: string) => entries.find((entry) => entry.name === name)!;
const good = readFileSync(unpack(named("order xyz+++"), folder));
const voxels = named("order xyz+++").voxels;
const path = join(folder, "bad.nii");
const gzPath = join(folder, "bad.nii.gz");

/** The message of the error that reading gives, without the path; "read" if there is none. */
async function outcome(bytes: Uint8Array, to = path): Promise<string> {
  writeFileSync(to, bytes);
  try {
    const { data } = await readImage(to);
    expect(Array.from(data)).toEqual(voxels);
    return "read";
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    if (code === undefined) throw error;
    expect(message.startsWith(to) || code === "UNSUPPORTED").toBe(true);
    return message.replace(to, "FILE");
  }
}

function changed(change: (bytes: Buffer) => void): Buffer {
  const copy = Buffer.from(good);
  change(copy);
  return copy;
}

/** Writes one value into several int16 fields. */
function setAll(bytes: Buffer, fields: readonly number[], value: number): void {
  for (const at of fields) bytes.writeInt16LE(value, at);
}

const promise = "the header promises 5 × 4 × 3 voxels of int16, which needs 472 bytes, but there are";
const wrong = "the file is cut off or its header is wrong";
const appended = "the header is wrong or something was appended";

describe("NIfTI headers", () => {
  test.each<[string, (bytes: Buffer) => void, string]>([
    ["dim[0] = 0", (b) => b.writeInt16LE(0, 40), "FILE → dim[0]: expected 1 to 7 axes, got 0"],
    ["dim[0] = 9", (b) => b.writeInt16LE(9, 40), "FILE → dim[0]: expected 1 to 7 axes, got 9"],
    ["a negative extent", (b) => b.writeInt16LE(-5, 42), "FILE → dim[1]: expected a positive number of voxels, got -5"],
    ["an extent of zero", (b) => b.writeInt16LE(0, 44), "FILE → dim[2]: expected a positive number of voxels, got 0"],
    [
      "327³ voxels, which the file has not",
      (b) => setAll(b, [42, 44, 46], 327),
      `FILE: the header promises 327 × 327 × 327 voxels of int16, which needs 69931566 + 352 bytes`,
    ],
    [
      "more voxels than the file has",
      (b) => b.writeInt16LE(6, 42),
      `FILE: the header promises 6 × 4 × 3 voxels of int16, which needs 496 bytes, but there are 472; ${wrong}`,
    ],
    [
      "fewer voxels than the file has",
      (b) => b.writeInt16LE(4, 42),
      `FILE: the header promises 4 × 4 × 3 voxels of int16, which needs 448 bytes, but there are 472; ${appended}`,
    ],
    [
      "four axes beside five",
      (b) => {
        b.writeInt16LE(5, 40);
        setAll(b, [48, 50], 2);
      },
      "FILE → dim[5]: expected 1 beside 2 volumes along the 4th axis, got 2; split the file",
    ],
    [
      "six axes",
      (b) => {
        b.writeInt16LE(6, 40);
        setAll(b, [48, 50], 1);
        b.writeInt16LE(2, 52);
      },
      "FILE → dim[6]: images of more than five axes are not supported, got 2 along it",
    ],
    [
      "NaN spacing",
      (b) => b.writeFloatLE(Number.NaN, 80),
      "FILE → pixdim[1]: expected a positive spacing in mm, got NaN",
    ],
    [
      "infinite spacing",
      (b) => b.writeFloatLE(Number.POSITIVE_INFINITY, 84),
      "FILE → pixdim[2]: expected a positive spacing in mm, got Infinity",
    ],
    ["zero spacing", (b) => b.writeFloatLE(0, 88), "read"],
    ["negative spacing", (b) => b.writeFloatLE(-1, 88), "read"],
    [
      "a singular sform",
      (b) => b.writeFloatLE(0, 280),
      "FILE → srow: the sform matrix is singular: two axes of the image point the same way",
    ],
    ["NaN in the sform", (b) => b.writeFloatLE(Number.NaN, 300), "FILE → srow_y[1]: expected a finite number, got NaN"],
    [
      "an infinite offset",
      (b) => b.writeFloatLE(Number.POSITIVE_INFINITY, 324),
      "FILE → srow_z[3]: expected a finite number, got Infinity",
    ],
    [
      "a quaternion longer than 1",
      (b) => {
        b.writeInt16LE(0, 254);
        b.writeInt16LE(1, 252);
        b.writeFloatLE(2, 256);
      },
      "FILE → quatern_b: the quaternion is longer than 1 (b² + c² + d² = 4)",
    ],
    [
      "a NaN quaternion",
      (b) => {
        b.writeInt16LE(0, 254);
        b.writeInt16LE(1, 252);
        b.writeFloatLE(Number.NaN, 260);
      },
      "FILE → quatern_c: expected a finite number, got NaN",
    ],
    [
      "vox_offset 1e9",
      (b) => b.writeFloatLE(1e9, 108),
      `FILE: the header promises 5 × 4 × 3 voxels of int16, which needs 1000000120 bytes, but there are 472; ${wrong}`,
    ],
    [
      "vox_offset NaN",
      (b) => b.writeFloatLE(Number.NaN, 108),
      "FILE → vox_offset: expected a whole number of at least 352, got NaN",
    ],
    [
      "vox_offset 0",
      (b) => b.writeFloatLE(0, 108),
      "FILE → vox_offset: expected a whole number of at least 352, got 0",
    ],
    ["an odd vox_offset", (b) => b.writeFloatLE(352.5, 108), "read"],
    [
      "a vox_offset two bytes off",
      (b) => b.writeFloatLE(354, 108),
      `FILE: ${promise.replace("472", "474")} 472; ${wrong}`,
    ],
    ["an extension flag without an extension", (b) => b.writeUInt8(1, 348), "read"],
    ["an unknown data type", (b) => b.writeInt16LE(77, 70), "FILE → datatype: 77 is not a NIfTI data type"],
    [
      "float128",
      (b) => b.writeInt16LE(1536, 70),
      "FILE → datatype: float128 voxels are not supported; convert the file to float32",
    ],
    [
      "complex64",
      (b) => b.writeInt16LE(32, 70),
      "FILE → datatype: complex64 voxels are not supported; convert the file to float32",
    ],
    [
      "1-bit voxels",
      (b) => b.writeInt16LE(1, 70),
      "FILE → datatype: 1-bit binary voxels are not supported; convert the file to float32",
    ],
    ["bitpix that does not fit", (b) => b.writeInt16LE(32, 72), "read"],
    ["an infinite slope", (b) => b.writeFloatLE(Number.POSITIVE_INFINITY, 112), "read"],
    [
      "a NaN intercept",
      (b) => {
        b.writeFloatLE(2, 112);
        b.writeFloatLE(Number.NaN, 116);
      },
      "FILE → scl_inter: expected a finite number, got NaN",
    ],
    ["a slope of 0", (b) => b.writeFloatLE(0, 112), "read"],
    ["an unknown unit of length", (b) => b.writeUInt8(7, 123), "read"],
    ["a wrong magic", (b) => b.write("n+3\0", 344), 'FILE → magic: expected "n+1" or "ni1", got "n+3\\u0000"'],
    [
      "no magic",
      (b) => b.fill(0, 344, 348),
      'FILE → magic: expected "n+1" or "ni1", got "\\u0000\\u0000\\u0000\\u0000"; this is Analyze 7.5, convert it to NIfTI',
    ],
    [
      "the magic of a pair",
      (b) => {
        b.write("ni1\0", 344);
        b.writeFloatLE(0, 108);
      },
      'FILE → magic: the header belongs to an .hdr/.img pair ("ni1"); rename it to .hdr, beside its .img',
    ],
    [
      "a wrong sizeof_hdr",
      (b) => b.writeInt32LE(100, 0),
      "FILE → sizeof_hdr: expected 348 (NIfTI-1) or 540 (NIfTI-2), got 100; this is no NIfTI file",
    ],
    [
      "NIfTI-2's size with NIfTI-1's fields",
      (b) => b.writeInt32LE(540, 0),
      "FILE: the file has 472 bytes, its header alone has 540; it is cut off",
    ],
  ])("%s", async (_, change, expected) => {
    const got = await outcome(changed(change));
    if (expected.includes("+ 352"))
      expect(got).toBe(
        `FILE: the header promises 327 × 327 × 327 voxels of int16, which needs ${327 ** 3 * 2 + 352} bytes, but there are 472; ${wrong}`,
      );
    else expect(got).toBe(expected);
  });

  test("every prefix of the file is refused", async () => {
    for (let n = 0; n < good.length; n += 3) expect(await outcome(good.subarray(0, n))).not.toBe("read");
    expect(await outcome(Buffer.alloc(0))).toBe("FILE: the file is empty; get it again");
    expect(await outcome(good.subarray(0, 300))).toBe(
      "FILE: the file has 300 bytes, a NIfTI header alone has 348; it is cut off",
    );
    expect(await outcome(good.subarray(0, -1))).toBe(`FILE: ${promise} 471; ${wrong}`);
  });

  test("trailing bytes", async () => {
    expect(await outcome(Buffer.concat([good, Buffer.alloc(1)]))).toBe(`FILE: ${promise} 473; ${appended}`);
  });

  test("text, a folder, a missing file", async () => {
    expect(await outcome(Buffer.from("this is text, not an image\n".repeat(40)))).toMatch(
      /^FILE → sizeof_hdr: expected 348/,
    );
    mkdirSync(join(folder, "folder.nii"));
    await expect(readImageInfo(join(folder, "absent.nii"))).rejects.toHaveProperty(
      "message",
      `${folder}/absent.nii: could not be read: no such file or folder`,
    );
    await expect(readImage(join(folder, "folder.nii"))).rejects.toHaveProperty(
      "message",
      `${folder}/folder.nii: there is no DICOM file in it`,
    );
  });

  test("64-bit integers beyond 2⁵³", async () => {
    const bytes = Buffer.alloc(360);
    good.copy(bytes, 0, 0, 352);
    bytes.writeInt16LE(1024, 70);
    bytes.writeInt16LE(64, 72);
    setAll(bytes, [42, 44, 46], 1);
    bytes.writeBigInt64LE(2n ** 53n + 1n, 352);
    expect(await outcome(bytes)).toBe(
      "FILE → voxel 0: the 64-bit integer 9007199254740993 is too large to be held exactly",
    );
  });
});

describe("gzip", () => {
  const gz = gzipSync(good);
  const flip = (at: number) => {
    const copy = Buffer.from(gz);
    copy[at < 0 ? copy.length + at : at]! ^= 0x10;
    return copy;
  };
  test("a compressed file under either name", async () => {
    expect(await outcome(gz, gzPath)).toBe("read");
    expect(await outcome(gz, path)).toBe("read");
    expect(await outcome(good, gzPath)).toBe("read");
  });
  test.each<[string, Buffer, string]>([
    ["cut off", gz.subarray(0, -1), "FILE: the gzip data end early; the file is cut off, get it again"],
    ["cut in half", gz.subarray(0, gz.length >> 1), "FILE: the gzip data end early; the file is cut off, get it again"],
    ["a wrong checksum", flip(-8), "FILE: the gzip data are damaged (incorrect data check); get the file again"],
    ["a wrong length", flip(-4), "FILE: the gzip data are damaged (incorrect length check); get the file again"],
    [
      "bytes after the end",
      Buffer.concat([gz, Buffer.from("junk")]),
      "FILE: the gzip data are damaged (incorrect header check); get the file again",
    ],
    ["two members", Buffer.concat([gzipSync(good.subarray(0, 400)), gzipSync(good.subarray(400))]), "read"],
    ["a second image behind the first", Buffer.concat([gz, gz]), `FILE: ${promise} more; ${appended}`],
    ["one byte more inside", gzipSync(Buffer.concat([good, Buffer.alloc(1)])), `FILE: ${promise} more; ${appended}`],
    ["one byte less inside", gzipSync(good.subarray(0, -1)), `FILE: ${promise} 471; ${wrong}`],
  ])("%s", async (_, bytes, expected) => {
    expect(await outcome(bytes, gzPath)).toBe(expected);
  });

  test("any flipped bit is noticed, or changes nothing", async () => {
    for (let at = 0; at < gz.length; at++) await outcome(flip(at), gzPath);
  });

  test("a header that promises more than the file can hold costs no memory", async () => {
    const lying = changed((b) => setAll(b, [42, 44, 46], 1000));
    const before = process.memoryUsage().rss;
    const message = await outcome(gzipSync(lying), gzPath);
    expect(message).toMatch(
      /^FILE: the header promises 1000 × 1000 × 1000 voxels of int16, which needs 2000000352 bytes, but there are at most \d+ once decompressed; the file is cut off or its header is wrong$/,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  test("a bomb: little header, much behind it", async () => {
    const bomb = gzipSync(Buffer.concat([good, Buffer.alloc(300e6)]));
    const before = process.memoryUsage().rss;
    expect(await outcome(bomb, gzPath)).toBe(`FILE: ${promise} more; ${appended}`);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });
});

describe("pairs", () => {
  test("what is wrong with them", async () => {
    const volume = createVolume(Int16Array.from(voxels.map(Number)), [1, 3, 4, 5], axisAlignedGeometry([1, 1, 1]));
    await writeImage(join(folder, "p.hdr"), volume);
    expect((await readImage(join(folder, "p.img"))).data).toEqual(volume.data);
    const img = readFileSync(join(folder, "p.img"));
    writeFileSync(join(folder, "p.img"), img.subarray(0, -2));
    await expect(readImage(join(folder, "p.hdr"))).rejects.toHaveProperty(
      "message",
      `${folder}/p.img: the header promises 5 × 4 × 3 voxels of int16, which needs 120 bytes, but there are 118; ${wrong}`,
    );
    writeFileSync(join(folder, "q.hdr"), readFileSync(join(folder, "p.hdr")));
    await expect(readImage(join(folder, "q.hdr"))).rejects.toHaveProperty(
      "message",
      `${folder}/q.img: could not be read: no such file or folder`,
    );
    writeFileSync(join(folder, "r.hdr"), good);
    await expect(readImage(join(folder, "r.hdr"))).rejects.toHaveProperty(
      "message",
      `${folder}/r.hdr → magic: the header says that the voxels follow in this file ("n+1"); rename it to .nii`,
    );
  });
});

describe("NRRD and MetaImage headers", () => {
  const nrrd = (changes: Record<string, string | undefined>, voxelBytes = 120, first = "NRRD0005") => {
    const fields = { type: "int16", dimension: "3", sizes: "5 4 3", encoding: "raw", endian: "little", ...changes };
    const lines = Object.entries(fields)
      .filter(([, v]) => v !== undefined)
      .map(([k, v]) => `${k}: ${v}`);
    return Buffer.concat([Buffer.from([first, ...lines, "", ""].join("\n")), Buffer.alloc(voxelBytes)]);
  };
  const file = join(folder, "bad.nrrd");
  const message = (bytes: Uint8Array, to: string) => {
    writeFileSync(to, bytes);
    return readImage(to).then(
      () => "read",
      (e: Error) => e.message.replace(to, "FILE"),
    );
  };
  test.each<[string, Buffer, string]>([
    ["a good one", nrrd({}), "read"],
    ["no NRRD", Buffer.from("hello\n\n"), 'FILE: expected a first line "NRRD0005", got "hello"'],
    ["an unknown type", nrrd({ type: "block" }), 'FILE → type: "block" is not a type of voxels that can be read'],
    ["no sizes", nrrd({ sizes: undefined }), "FILE → sizes: this field is missing"],
    ["too few sizes", nrrd({ sizes: "5 4" }), 'FILE → sizes: expected 3 numbers, got "5 4"'],
    [
      "a size of zero",
      nrrd({ sizes: "5 0 3" }),
      'FILE → sizes: expected positive whole numbers of voxels, got "5 0 3"',
    ],
    [
      "a huge size",
      nrrd({ sizes: "999 99 99" }),
      `FILE: the header promises 999 × 99 × 99 voxels of int16, which needs ${999 * 99 * 99 * 2} bytes, but there are 120; ${wrong}`,
    ],
    ["a dimension of 99", nrrd({ dimension: "99" }), "FILE → dimension: expected 1 to 5, got 99"],
    ["no byte order", nrrd({ endian: undefined }), 'FILE → endian: expected "little" or "big", got ""'],
    [
      "cut off",
      nrrd({}, 119),
      `FILE: the header promises 5 × 4 × 3 voxels of int16, which needs 120 bytes, but there are 119; ${wrong}`,
    ],
    [
      "too long",
      nrrd({}, 121),
      `FILE: the header promises 5 × 4 × 3 voxels of int16, which needs 120 bytes, but there are 121; ${appended}`,
    ],
    [
      "an encoding we lack",
      nrrd({ encoding: "bzip2" }),
      'the NRRD encoding "bzip2" of FILE is not supported; save it with raw or gzip',
    ],
    [
      "gzip that is none",
      nrrd({ encoding: "gzip" }),
      "FILE: the gzip data are damaged (incorrect header check); get the file again",
    ],
    ["a NaN spacing", nrrd({ spacings: "1 nan1 1" }), 'FILE → spacings: expected 1 number, got "nan1"'],
    ["a zero spacing", nrrd({ spacings: "1 0 1" }), "FILE → spacings: expected positive numbers, got 1 0 1"],
    [
      "flat directions",
      nrrd({ "space directions": "(1,0,0) (2,0,0) (0,0,1)" }),
      "FILE → space directions: (1,0,0) (2,0,0) (0,0,1): the axes do not span space",
    ],
    [
      "too few directions",
      nrrd({ "space directions": "(1,0,0) (0,1,0)" }),
      "FILE → space directions: expected one vector per axis (3), got 2",
    ],
    [
      "an unknown space",
      nrrd({ space: "outer", "space directions": "(1,0,0) (0,1,0) (0,0,1)" }),
      'FILE → space: "outer" is not a space that can be read; use left-posterior-superior',
    ],
    [
      "inches",
      nrrd({ "space units": '"in" "in" "in"' }),
      'the unit of length "in" "in" "in" in FILE is not supported; convert the file to mm',
    ],
    [
      "a header without end",
      Buffer.concat([Buffer.from("NRRD0005\n"), Buffer.alloc(2 ** 20, 65)]),
      "FILE: the header does not end; the file is cut off or is something else",
    ],
    [
      "a line that says nothing",
      Buffer.from("NRRD0005\ntype int16\n\n"),
      'FILE: the header line "type int16" is neither a field nor a comment',
    ],
    ["a field twice", Buffer.from("NRRD0005\ntype: int16\ntype: int8\n\n"), "FILE → type: this field occurs twice"],
  ])("NRRD: %s", async (_, bytes, expected) => {
    expect(await message(bytes, file)).toBe(expected);
  });

  test("NRRD in the patient's right-anterior-superior space", async () => {
    writeFileSync(
      file,
      nrrd({
        space: "right-anterior-superior",
        "space directions": "(2,0,0) (0,3,0) (0,0,4)",
        "space origin": "(10,20,30)",
      }),
    );
    expect((await readImage(file)).geometry).toEqual({
      spacing: [4, 3, 2],
      origin: [-10, -20, 30],
      direction: [-1, 0, 0, 0, -1, 0, 0, 0, 1],
    });
  });

  const mha = (changes: Record<string, string | undefined>, voxelBytes = 120) => {
    const fields = {
      ObjectType: "Image",
      NDims: "3",
      DimSize: "5 4 3",
      ElementType: "MET_SHORT",
      ...changes,
      ElementDataFile: "LOCAL",
    };
    const lines = Object.entries(fields)
      .filter(([, v]) => v !== undefined)
      .map(([k, v]) => `${k} = ${v}`);
    return Buffer.concat([Buffer.from(`${lines.join("\n")}\n`), Buffer.alloc(voxelBytes)]);
  };
  test.each<[string, Buffer, string]>([
    ["a good one", mha({}), "read"],
    ["another object", mha({ ObjectType: "Tube" }), 'FILE → ObjectType: expected "Image", got "Tube"'],
    [
      "an unknown type",
      mha({ ElementType: "MET_STRING" }),
      'FILE → ElementType: "MET_STRING" is not a type of voxels that can be read',
    ],
    ["no size", mha({ DimSize: undefined }), "FILE → DimSize: this field is missing"],
    [
      "a negative size",
      mha({ DimSize: "5 -4 3" }),
      'FILE → DimSize: expected positive whole numbers of voxels, got "5 -4 3"',
    ],
    ["a zero spacing", mha({ ElementSpacing: "1 0 1" }), "FILE → ElementSpacing: expected positive numbers, got 1 0 1"],
    [
      "text voxels",
      mha({ BinaryData: "False" }),
      "text voxels (BinaryData = False) in FILE is not supported; save it with binary data",
    ],
    [
      "a flat matrix",
      mha({ TransformMatrix: "1 0 0 1 0 0 0 0 1" }),
      "FILE → TransformMatrix: the axes do not span space",
    ],
    [
      "cut off",
      mha({}, 118),
      `FILE: the header promises 5 × 4 × 3 voxels of int16, which needs 120 bytes, but there are 118; ${wrong}`,
    ],
    [
      "a compressed size that is not there",
      mha({ CompressedData: "True", CompressedDataSize: "500" }),
      "FILE → CompressedDataSize: expected 120, what is left of the file, got 500; the file is cut off or damaged",
    ],
    [
      "zlib that is none",
      mha({ CompressedData: "True" }),
      "FILE: the zlib data are damaged (unknown compression method); get the file again",
    ],
    [
      "no end",
      Buffer.from("ObjectType = Image\n"),
      "FILE: the header does not end; the file is cut off or is something else",
    ],
  ])("MetaImage: %s", async (_, bytes, expected) => {
    expect(await message(bytes, join(folder, "bad.mha"))).toBe(expected);
  });
});

describe("pictures", () => {
  const pictures = JSON.parse(readFileSync(new URL("./fixtures/pictures.json", import.meta.url), "utf8")).entries;
  const bytesOf = (name: string) => Buffer.from(pictures.find((p: { name: string }) => p.name === name).file, "base64");
  const message = (bytes: Uint8Array, name: string) => {
    writeFileSync(join(folder, name), bytes);
    return readImage(join(folder, name)).then(
      () => "read",
      (e: Error) => e.message.replace(join(folder, name), "FILE"),
    );
  };

  test("PNG", async () => {
    const png = bytesOf("rgb8.png");
    expect(await message(png.subarray(0, -1), "x.png")).toBe("FILE → IEND: the file is cut off; get it again");
    expect(await message(Buffer.concat([png, Buffer.alloc(2)]), "x.png")).toBe("FILE → IEND: 2 bytes follow the end");
    expect(await message(Buffer.from("GIF89a, not PNG"), "x.png")).toBe(
      "FILE → signature: this is no PNG file, whatever its name says",
    );
    const spoiled = Buffer.from(png);
    spoiled[50]! ^= 1;
    expect(await message(spoiled, "x.png")).toBe(
      "FILE → IDAT: the checksum is wrong; the file is damaged, get it again",
    );
  });

  test("TIFF: cut off, and a chain of pages that loops", async () => {
    const tiff = bytesOf("stack16-3D.tif");
    const { pixels } = pictures.find((p: { name: string }) => p.name === "stack16-3D.tif");
    for (let n = 1; n < tiff.length; n += 40) {
      const got = await message(tiff.subarray(0, n), "x.tif");
      if (got !== "read") expect(got).toMatch(/^FILE( → \w+)?: .*(cut off|no TIFF file)/);
      else expect(Array.from((await readImage(join(folder, "x.tif"))).data)).toEqual(pixels);
    }
    const first = tiff.readUInt32LE(4);
    const next = first + 2 + 12 * tiff.readUInt16LE(first);
    const loop = Buffer.from(tiff);
    loop.writeUInt32LE(first, next);
    expect(await message(loop, "x.tif")).toBe(
      "FILE: the chain of pages leads back to an earlier page; the file is damaged",
    );
  });

  test("BMP and JPEG: cut off, or something else", async () => {
    expect(await message(bytesOf("rgb8.bmp").subarray(0, -5), "x.bmp")).toMatch(
      /^FILE → biHeight: 11 × 7 pixels need \d+ bytes, the file has \d+; it is cut off$/,
    );
    expect(await message(bytesOf("rgb8.jpg"), "x.bmp")).toBe("FILE: this is no BMP file, whatever its name says");
    expect(await message(bytesOf("rgb8.jpg").subarray(0, -2), "x.jpg")).toBe(
      "FILE: the end-of-image marker is missing; the file is cut off, get it again",
    );
    expect(await message(bytesOf("rgb8.bmp"), "x.jpeg")).toBe("FILE: this is no JPEG file, whatever its name says");
  });
});
