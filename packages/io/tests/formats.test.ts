import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { createVolume, type Geometry, type VoxelArray } from "@nnunet/core";
import { readImage, readImageInfo, writeImage } from "@nnunet/io";
import { itkReadImage } from "../src/itk/itk-wasm.ts";
import { affineOf, loadEntries, scratchFolder, unpack } from "./nifti-files.ts";

const folder = scratchFolder();
const load = (name: string) => JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8")).entries;

interface ItkEntry {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly size: readonly number[];
  readonly components: number;
  readonly spacing: readonly number[];
  readonly origin: readonly number[];
  readonly direction: readonly number[];
  readonly data: readonly number[];
}

/** ITK's interleaved components → planes. */
function planes(data: readonly number[], components: number): number[] {
  return Array.from({ length: components }, (_, c) => data.filter((__, i) => i % components === c)).flat();
}

describe("reads what ITK wrote (tools/fixtures/io/itk-formats.mjs)", () => {
  test.each<[string, ItkEntry]>(load("itk-formats.json").map((e: ItkEntry) => [e.name, e]))("%s", async (_, entry) => {
    for (const [name, file] of Object.entries(entry.files))
      writeFileSync(join(folder, name), Buffer.from(file, "base64"));
    const path = join(folder, entry.name);
    const volume = await readImage(path);
    const [nx, ny, nz = 1] = entry.size;
    expect(volume.shape).toEqual([entry.components, nz, ny, nx]);
    expect(Array.from(volume.data)).toEqual(planes(entry.data, entry.components));
    const n = entry.size.length;
    const { spacing, origin, direction } = volume.geometry;
    for (let c = 0; c < n; c++) {
      // NRRD stores spacing · direction, which costs a rounding each way.
      expect(Math.abs(spacing[2 - c]! - entry.spacing[c]!)).toBeLessThan(2e-15);
      expect(origin[c]).toBe(entry.origin[c]);
      for (let row = 0; row < n; row++) {
        expect(Math.abs(direction[3 * row + c]! - entry.direction[n * row + c]!)).toBeLessThan(5e-16);
      }
    }
    const info = await readImageInfo(path);
    expect([info.shape, info.geometry]).toEqual([volume.shape, volume.geometry]);
    expect(info.dataType).toBe(volume.data.constructor.name.replace("Array", "").toLowerCase());
  });
});

describe("round trips", () => {
  const oblique = loadEntries().filter(({ name }) => /^(order|oblique sform|oblique qform)/.test(name));
  const arrays: VoxelArray[] = [
    Int8Array.of(-1, 2),
    Uint8Array.of(1, 255),
    Int16Array.of(-3, 4),
    Uint16Array.of(5, 65535),
    Int32Array.of(-(2 ** 30), 1),
    Uint32Array.of(2 ** 32 - 1, 1),
    Float32Array.of(0.1, -5),
    Float64Array.of(0.1, 1e300),
  ];
  const plain: Geometry = {
    spacing: [2.5, 0.7, 0.3],
    origin: [1.1, -2.2, 3.3],
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  };

  test.each([".nrrd", ".nhdr", ".mha", ".mhd", ".nii.gz"])("every data type, compressed or not: %s", async (ending) => {
    for (const data of arrays) {
      for (const compression of [0, 1]) {
        const volume = createVolume(data, [1, 1, 1, 2], plain);
        await writeImage(join(folder, `t${ending}`), volume, { compression });
        expect((await readImage(join(folder, `t${ending}`))).data).toEqual(data);
      }
    }
    const two = createVolume(Float32Array.from({ length: 12 }, Math.sqrt), [2, 1, 2, 3], plain);
    await writeImage(join(folder, `two${ending}`), two);
    const again = await readImage(join(folder, `two${ending}`));
    expect([again.shape, again.data]).toEqual([two.shape, two.data]);
  });

  test.each([".nrrd", ".mha"])("the geometry of a NIfTI file survives %s bit for bit", async (ending) => {
    for (const entry of oblique) {
      const volume = await readImage(unpack(entry, folder));
      const path = join(folder, `g${ending}`);
      await writeImage(path, volume);
      const there = await readImage(path);
      expect(affineOf(there.geometry)).toEqual(affineOf(volume.geometry));
      await writeImage(join(folder, "back.nii"), there);
      const back = await readImage(join(folder, "back.nii"));
      expect(affineOf(back.geometry).map(Math.fround)).toEqual(affineOf(volume.geometry).map(Math.fround));
      // From its own kind of file on nothing changes any more, not even the last bit.
      const first = readFileSync(path);
      await writeImage(path, there);
      expect(readFileSync(path)).toEqual(first);
    }
  });

  test.each([".nrrd", ".mha", ".nii.gz"])("ITK reads what we write: %s", async (ending) => {
    const volume = await readImage(unpack(oblique.at(-1)!, folder));
    const path = join(folder, `itk${ending}`);
    await writeImage(path, volume);
    const itk = await itkReadImage(path, volume.data.byteLength);
    expect(itk.data).toEqual(volume.data);
    expect(itk.size).toEqual([5, 4, 3]);
    for (let c = 0; c < 3; c++) {
      expect(itk.spacing[c]).toBeCloseTo(volume.geometry.spacing[2 - c]!, 6);
      expect(itk.origin[c]).toBeCloseTo(volume.geometry.origin[c]!, 5);
    }
    for (let i = 0; i < 9; i++) expect(itk.direction[i]).toBeCloseTo(volume.geometry.direction[i]!, 6);
  });
});

describe("pictures (tools/fixtures/io/pictures.py)", () => {
  interface Picture {
    readonly name: string;
    readonly file: string;
    readonly shape: readonly number[];
    readonly dtype: string;
    readonly pixels: readonly number[];
  }
  const pictures: Picture[] = load("pictures.json");

  test.each(pictures.map((p) => [p.name, p] as const))("%s", async (name, picture) => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.from(picture.file, "base64"));
    const image = await readImage(path);
    expect(image.shape).toEqual(picture.shape);
    expect(Array.from(image.data)).toEqual(picture.pixels);
    expect(image.geometry.spacing).toEqual(picture.shape[1] === 1 ? [999, 1, 1] : [1, 1, 1]);
    const info = await readImageInfo(path);
    expect([info.shape, info.geometry, info.dataType]).toEqual([image.shape, image.geometry, picture.dtype]);
  });

  test.each([".png", ".tif", ".bmp"])("a segmentation written as %s", async (ending) => {
    const labels = createVolume(
      Int16Array.from({ length: 35 }, (_, i) => i * 7),
      [1, 1, 5, 7],
      {
        spacing: [999, 1, 1],
        origin: [0, 0, 0],
        direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
      },
    );
    await writeImage(join(folder, `seg${ending}`), labels);
    expect((await readImage(join(folder, `seg${ending}`))).data).toEqual(Uint8Array.from(labels.data));
  });

  test("RGB and 16 bits as PNG", async () => {
    for (const [channels, type] of [
      [3, Uint8Array],
      [1, Uint16Array],
      [4, Uint16Array],
      [2, Uint8Array],
    ] as const) {
      const data = new type(20 * channels);
      for (let i = 0; i < data.length; i++) data[i] = i * (type === Uint8Array ? 3 : 777);
      const volume = createVolume(data, [channels, 1, 4, 5], (await readImage(join(folder, "seg.png"))).geometry);
      await writeImage(join(folder, "p.png"), volume);
      expect(await readImage(join(folder, "p.png"))).toEqual(volume);
    }
  });

  test("TIFF stacks take their spacing from a JSON file beside them, as in nnU-Net", async () => {
    const picture = pictures.find(({ name }) => name === "stack16-3D.tif")!;
    writeFileSync(join(folder, "cell_0000.tif"), Buffer.from(picture.file, "base64"));
    writeFileSync(join(folder, "cell.json"), JSON.stringify({ spacing: [4, 0.5, 0.25] }));
    expect((await readImage(join(folder, "cell_0000.tif"))).geometry.spacing).toEqual([4, 0.5, 0.25]);
    writeFileSync(join(folder, "cell.json"), JSON.stringify({ spacing: [4, 0, 1] }));
    await expect(readImage(join(folder, "cell_0000.tif"))).rejects.toHaveProperty(
      "message",
      `${folder}/cell.json → spacing: expected three positive numbers [z, y, x] in mm`,
    );
  });

  test("refuses what a format cannot hold", async () => {
    const volume = createVolume(new Float32Array(8).fill(0.5), [1, 2, 2, 2], {
      spacing: [1, 1, 1],
      origin: [0, 0, 0],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    });
    await expect(writeImage(join(folder, "x.png"), volume)).rejects.toHaveProperty(
      "message",
      "an image of 2 slices and 1 channels as PNG is not supported; use .nii.gz",
    );
    await expect(writeImage(join(folder, "x.jpg"), volume)).rejects.toHaveProperty(
      "message",
      `writing ${join(folder, "x.jpg")} as JPEG, which changes the values, is not supported; use .png or .nii.gz`,
    );
    await expect(writeImage(join(folder, "x.xyz"), volume)).rejects.toThrow(
      `the image format of ${folder}/x.xyz is not supported; use one of .nii`,
    );
  });
});

test.each([".nii.gz", ".hdr", ".nrrd", ".mha", ".png", ".tif"])(
  "a failed write leaves nothing behind: %s",
  async (ending) => {
    writeFileSync(join(folder, "file"), "in the way");
    const before = readdirSync(folder);
    const volume = createVolume(new Uint8Array(4), [1, 1, 2, 2], {
      spacing: [1, 1, 1],
      origin: [0, 0, 0],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    });
    const path = join(folder, "file", `x${ending}`);
    await expect(writeImage(path, volume)).rejects.toThrow(
      /could not be written: (a part of the path is a file|EEXIST)/,
    );
    expect(readdirSync(folder)).toEqual(before);
  },
);

describe("detached headers stay in their folder", () => {
  const secret = join(folder, "secret.raw");
  const inner = join(folder, "inner");
  mkdirSync(inner);
  writeFileSync(secret, Buffer.alloc(8));
  symlinkSync(secret, join(inner, "link.raw"));
  const nhdr = (file: string) =>
    `NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: ${file}\n`;
  const mhd = (file: string) =>
    `ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = ${file}\n`;

  test.each([
    ["../secret.raw", 'expected the name of a file in the same folder, got "../secret.raw"'],
    [secret, `expected the name of a file in the same folder, got ${JSON.stringify(secret)}`],
    ["..", 'expected the name of a file in the same folder, got ".."'],
    ["link.raw", '"link.raw" is a link that leads out of the folder'],
    ["none.raw", 'the file "none.raw" with the voxels is missing beside the header'],
  ])("%s", async (file, problem) => {
    for (const [name, text, field] of [
      ["a.nhdr", nhdr(file), "data file"],
      ["a.mhd", mhd(file), "ElementDataFile"],
    ] as const) {
      writeFileSync(join(inner, name), text);
      await expect(readImage(join(inner, name))).rejects.toHaveProperty(
        "message",
        `${join(inner, name)} → ${field}: ${problem}`,
      );
    }
  });

  test("a file beside it is read", async () => {
    writeFileSync(join(inner, "b.raw"), Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]));
    writeFileSync(join(inner, "b.nhdr"), nhdr("b.raw"));
    writeFileSync(join(inner, "b.mhd"), mhd("b.raw"));
    for (const name of ["b.nhdr", "b.mhd"]) {
      expect((await readImage(join(inner, name))).data).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    }
  });
});

test("itk-wasm leaves the exit code and the console alone, and its failures are ours", async () => {
  const before = process.exitCode;
  process.exitCode = 7;
  try {
    const picture = load("pictures.json").find(({ name }: { name: string }) => name === "rgb8.tif");
    const bytes = Buffer.from(picture.file, "base64");
    writeFileSync(join(folder, "ok.tif"), bytes);
    await itkReadImage(join(folder, "ok.tif"), 231);
    expect(process.exitCode).toBe(7);
    const path = join(folder, "no.mha");
    writeFileSync(path, "ObjectType = Image\n");
    await expect(itkReadImage(path, 10)).rejects.toThrow(/no\.mha: ITK could not have it read/);
    await expect(itkReadImage(join(folder, "absent.png"), 10)).rejects.toThrow(
      /absent\.png: ITK could not have it read/,
    );
    expect(process.exitCode).toBe(7);
    expect(basename(path)).toBe("no.mha");
  } finally {
    process.exitCode = before;
  }
});

test("itk-wasm serves several at once, stops when asked to, and starts again after a rest", async () => {
  const picture = load("pictures.json").find(({ name }: { name: string }) => name === "stack16-3D.tif");
  const path = join(folder, "many.tif");
  writeFileSync(path, Buffer.from(picture.file, "base64"));
  const read = async () => Array.from((await itkReadImage(path, 462)).data);
  for (const pixels of await Promise.all([read(), read(), read()])) expect(pixels).toEqual(picture.pixels);
  const controller = new AbortController();
  const stopped = itkReadImage(path, 462, controller.signal);
  controller.abort();
  await expect(stopped).rejects.toHaveProperty("code", "CANCELLED");
  expect(await read()).toEqual(picture.pixels);
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(await read()).toEqual(picture.pixels);
  await expect(itkReadImage(path, 2 ** 32)).rejects.toHaveProperty(
    "message",
    `${path}: its 4096 MiB of voxels are more than itk-wasm can hold; convert it to .nii.gz`,
  );
});
