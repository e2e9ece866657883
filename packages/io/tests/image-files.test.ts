import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type Volume } from "@nnunet/core";
import {
  imageEnding,
  imageFiles,
  imageFormats,
  imageStem,
  readableEndings,
  readImage,
  saysItsPlace,
  writableEndings,
  writeImage,
  writtenFiles,
} from "@nnunet/io";
import { scratchFolder } from "./nifti-files.ts";

const folder = scratchFolder();
const ramp = (slices: number): Volume =>
  createVolume(
    Uint8Array.from({ length: slices * 6 }, (_, i) => i),
    [1, slices, 2, 3],
    axisAlignedGeometry([4, 2, 1]),
  );
const names = (paths: readonly string[]) => paths.map((path) => basename(path));

describe("the table of formats", () => {
  test("names of images", () => {
    const given = ["a.nii.gz", "b.NRRD", "c.txt", ".d.nii", "x/e.hdr", "e.img", "f.hdr.gz", "g.dcm"];
    expect(given.map(imageStem)).toEqual(["a", "b", undefined, undefined, "e", undefined, "f", undefined]);
    expect(given.slice(0, 2).map(imageEnding)).toEqual([".nii.gz", ".nrrd"]);
  });

  test("every ending belongs to one format, is lower case and has its dot", () => {
    const all = imageFormats.flatMap(({ endings, partnerEndings = [] }) => [...endings, ...partnerEndings]);
    expect(new Set(all).size).toBe(all.length);
    for (const ending of all) expect(ending).toMatch(/^\.[a-z0-9.]+$/);
  });

  test("what can be written can be read; several slices are more to ask than one", () => {
    expect(readableEndings).toEqual(expect.arrayContaining([...writableEndings()]));
    expect(writableEndings()).toEqual(expect.arrayContaining([...writableEndings(2)]));
    expect(writableEndings(2)).not.toContain(".png");
    expect(writableEndings()).not.toContain(".jpg");
  });

  test("pictures do not say where they lie, everything else does", () => {
    expect(["a.png", "a.tif", "a.jpg", "a.nii", "a.mhd", "a series"].map(saysItsPlace)).toEqual([
      ...[false, false, false],
      ...[true, true, true],
    ]);
  });
});

describe("an image is all its files", () => {
  test.each(writableEndings(2).map((ending) => [ending]))("%s: what is written is what is found", async (ending) => {
    const path = join(folder, `written${ending.replaceAll(".", "_")}`, `case${ending}`);
    await writeImage(path, ramp(3));
    expect(names(writtenFiles(path)).sort()).toEqual(readdirSync(join(path, "..")).sort());
    expect(names(await imageFiles(path)).sort()).toEqual(names(writtenFiles(path)).sort());
    expect((await readImage(path)).data).toEqual(ramp(3).data);
  });

  test("uncompressed data files have other names", async () => {
    for (const [ending, voxels] of [
      [".nhdr", "plain.raw"],
      [".mhd", "plain.raw"],
    ] as const) {
      const path = join(folder, `plain${ending}`);
      await writeImage(path, ramp(2), { compression: 0 });
      expect(names(await imageFiles(path))).toEqual([`plain${ending}`, voxels]);
      expect(names(writtenFiles(path, { compression: 0 }))).toEqual([`plain${ending}`, voxels]);
    }
  });

  test("either name of a NIfTI pair means both, also where one of the two is compressed", async () => {
    const path = join(folder, "pair.hdr");
    await writeImage(path, ramp(2));
    expect(names(await imageFiles(join(folder, "pair.img")))).toEqual(["pair.img", "pair.hdr"]);
    const { data } = await readImage(path);
    writeFileSync(join(folder, "pair.img.gz"), gzipSync(Uint8Array.from(data)));
    renameSync(join(folder, "pair.img"), join(folder, "pair.img.moved"));
    expect(names(await imageFiles(path))).toEqual(["pair.hdr", "pair.img.gz"]);
    expect((await readImage(path)).data).toEqual(data);
  });

  test("a header that names a file elsewhere is refused", async () => {
    const path = join(folder, "elsewhere.mhd");
    const header = "ObjectType = Image\nNDims = 1\nDimSize = 1\nElementType = MET_CHAR\nElementDataFile = ../x.raw\n";
    writeFileSync(path, header);
    await expect(imageFiles(path)).rejects.toThrow("expected the name of a file in the same folder");
  });
});

describe("the spacing of a TIFF of several slices stands in a file beside it", () => {
  test("after the label's name, or after the case's for one of its channels", async () => {
    await writeImage(join(folder, "t/img_0001.tif"), ramp(2));
    expect(readdirSync(join(folder, "t")).sort()).toEqual(["img_0001.json", "img_0001.tif"]);
    await writeImage(join(folder, "t/img_0001_0000.tif"), ramp(2), { isChannel: true });
    expect(readdirSync(join(folder, "t")).sort()).toEqual(["img_0001.json", "img_0001.tif", "img_0001_0000.tif"]);
    for (const name of ["img_0001.tif", "img_0001_0000.tif"]) {
      expect((await readImage(join(folder, "t", name))).geometry.spacing).toEqual([4, 2, 1]);
      expect(names(await imageFiles(join(folder, "t", name)))).toEqual([name, "img_0001.json"]);
    }
  });

  test("the label of case img_0001 is not read with the spacing of case img", async () => {
    writeFileSync(join(folder, "t/img.json"), `{ "spacing": [9, 9, 9] }`);
    expect((await readImage(join(folder, "t/img_0001.tif"))).geometry.spacing).toEqual([4, 2, 1]);
  });

  test("one that says something else is not replaced unasked, and no image is left behind", async () => {
    writeFileSync(join(folder, "t/kept.json"), `{ "spacing": [9, 9, 9] }`);
    const path = join(folder, "t/kept.tif");
    await expect(writeImage(path, ramp(2))).rejects.toThrow("exists already and is not the spacing of");
    expect(readdirSync(join(folder, "t"))).not.toContain("kept.tif");
    await writeImage(path, ramp(2), { overwrite: true });
    expect((await readImage(path)).geometry.spacing).toEqual([4, 2, 1]);
  });
});
