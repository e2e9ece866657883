import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { convertDataset, openDataset, readCase, readImage, readImageInfo, verifyDataset, writeImage } from "@nnunet/io";
import { encodePngChunk, pngSignature } from "../src/png/png-chunks.ts";
import { image, labels, makeDataset, writeDatasetJson } from "./made-dataset.ts";
import { scratchFolder } from "./nifti-files.ts";

/*
 * What somebody sent: links, pipes and environment variables tell nothing of this machine and hold nobody up.
 */

const root = scratchFolder();
let folder: string;
beforeEach(async () => {
  rmSync(root, { recursive: true });
  folder = await makeDataset(root);
});

describe("a dataset.json that is a link to something else", () => {
  test.each(['{ "token": "s3cret", "labels": { "s3cret": "s3cret" } }', "s3cret is not JSON"])(
    "is not quoted (%#)",
    async (content) => {
      writeFileSync(join(root, "private.json"), content);
      rmSync(join(folder, "dataset.json"));
      symlinkSync(join(root, "private.json"), join(folder, "dataset.json"));
      const told: string[] = [];
      await openDataset(folder).catch((error: Error) => told.push(error.message));
      renameSync(folder, join(root, "Task09_Sent"));
      await convertDataset(join(root, "Task09_Sent"), root).catch((error: Error) => told.push(error.message));
      renameSync(join(root, "Task09_Sent"), folder);
      told.push(...(await verifyDataset(folder)).problems.map(({ problem }) => problem));
      expect(told[0]).toContain("is a link that leads out of the folder, and what it leads to cannot be read");
      expect(told[1]).toContain("is a link that leads out of the folder, and what it leads to cannot be read");
      expect(told.join()).not.toContain("s3cret");
    },
  );

  test("is read if it is a dataset.json", async () => {
    renameSync(join(folder, "dataset.json"), join(root, "shared.json"));
    symlinkSync(join(root, "shared.json"), join(folder, "dataset.json"));
    expect((await openDataset(folder)).trainingCases).toHaveLength(3);
  });
});

describe("files that dataset.json names by environment variables", () => {
  const place = () => join(root, "s3cret");
  const told: string[] = [];
  const tell = (error: Error) => told.push(error.message);

  test("are called as it calls them, whatever is told of them", async () => {
    process.env["NNUNET_TEST_PLACE"] = place();
    mkdirSync(place());
    const file = (name: string) => `\${NNUNET_TEST_PLACE}/${name}.nii.gz`;
    const dataset = Object.fromEntries(
      ["a", "b"].map((id) => [id, { images: [file(`${id}0`), file(`${id}1`)], label: file(`${id}l`) }]),
    );
    writeDatasetJson(folder, { dataset, numTraining: 2 });
    await openDataset(folder).catch(tell);
    for (const id of ["a", "b"]) {
      await writeImage(join(place(), `${id}0.nii.gz`), image(1));
      await writeImage(join(place(), `${id}1.nii.gz`), image(2));
      await writeImage(join(place(), `${id}l.nii.gz`), labels());
    }
    const opened = await openDataset(folder);
    writeFileSync(join(place(), "a0.nii.gz"), "damaged");
    await writeImage(join(place(), "b1.nii.gz"), { ...image(2), shape: [1, 3, 2, 4] });
    for (const files of opened.trainingCases) await readCase(files, opened.json).catch(tell);
    const { problems } = await verifyDataset(folder);
    told.push(...problems.map(({ file: name, problem, fix }) => `${name}: ${problem}; ${fix}`));
    expect(told[0]).toContain(`${file("a0")}: the image of case a is missing`);
    expect(told[1]).toContain(`${file("a0")}: the file has 7 bytes`);
    expect(told[2]).toContain(`image ${file("b1")} of case b: expected shape`);
    expect(problems.map(({ file: name }) => name)).toContain(file("a0"));
    expect(told.join()).not.toContain("s3cret");
  });
});

const hasPipes = spawnSync("mkfifo", ["--version"]).status === 0;
if (!hasPipes) console.warn("skipped: no mkfifo here, so pipes as images are not tried");
(hasPipes ? describe : describe.skip)("a pipe", () => {
  const pipe = (path: string) => {
    rmSync(path, { force: true });
    expect(spawnSync("mkfifo", [path]).status).toBe(0);
  };

  test.each(["x.nii.gz", "x.nii", "x.nrrd", "x.mha", "x.png", "x.tif", "x.bmp", "x.jpg", "x.dcm", "x"])(
    "called %s is not waited for",
    async (name) => {
      pipe(join(root, name));
      await expect(readImage(join(root, name))).rejects.toThrow("it is a pipe, not an ordinary file");
      await expect(readImageInfo(join(root, name))).rejects.toThrow("it is a pipe, not an ordinary file");
    },
  );

  test.each([
    [".hdr", "v.img"],
    [".nhdr", "v.raw.gz"],
    [".mhd", "v.zraw"],
    [".tif", "v.json"],
  ])("beside an image (%s, %s) is not waited for", async (ending, companion) => {
    const path = join(root, `v${ending}`);
    await writeImage(path, { data: new Uint8Array(24), shape: [1, 2, 3, 4], geometry: image(1).geometry });
    pipe(join(root, companion));
    await expect(readImage(path)).rejects.toThrow("a pipe, not an ordinary file");
  });

  test("as image or label of a dataset is reported, and nothing waits", async () => {
    pipe(join(folder, "imagesTr/a_0000.nii.gz"));
    pipe(join(folder, "labelsTr/b.nii.gz"));
    const { problems } = await verifyDataset(folder);
    expect(problems.map(({ kind, file }) => [kind, file])).toEqual([
      ["unreadable", "imagesTr/a_0000.nii.gz"],
      ["unreadable", "labelsTr/b.nii.gz"],
    ]);
  });
});

test.each([
  ["brackets", `space directions: ${"( ".repeat(400_000)}`],
  ["digits", `spacings: ${"1".repeat(400_000)}x 1 1`],
  ["spaces", `space origin: (1,2,${" ".repeat(400_000)}x)\nspace directions: (1,0,0) (0,1,0) (0,0,1)`],
])("a header full of %s takes no time", async (_, field) => {
  const path = join(root, "long.nrrd");
  writeFileSync(path, `NRRD0004\ntype: uchar\ndimension: 3\nsizes: 1 1 1\nencoding: raw\n${field}\n\na`);
  await expect(readImage(path)).rejects.toMatchObject({ code: "IMAGE_FILE" });
});

test("a PNG of 2³¹ × 1 pixels, or of many, is refused from its header", async () => {
  for (const [width, height] of [
    [2 ** 31 - 1, 1],
    [1, 2 ** 31 - 1],
    [2 ** 32 - 1, 1],
    [1_000_000, 1_000_000],
  ] as const) {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header[8] = 8;
    const parts = [
      encodePngChunk("IHDR", header),
      encodePngChunk("IDAT", deflateSync(Buffer.alloc(2 ** 21))),
      encodePngChunk("IEND", Buffer.alloc(0)),
    ];
    writeFileSync(join(root, "huge.png"), Buffer.concat([pngSignature, ...parts]));
    await expect(readImage(join(root, "huge.png"))).rejects.toMatchObject({ code: "IMAGE_FILE", field: "IHDR" });
  }
  expect(readdirSync(root)).toContain("huge.png");
});

test("a palette's indices are the labels, its colours the channels of an image", async () => {
  const header = Buffer.from([0, 0, 0, 3, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
  const parts = [
    encodePngChunk("IHDR", header),
    encodePngChunk("PLTE", Buffer.from([0, 0, 0, 255, 0, 0, 0, 255, 0])),
    encodePngChunk("IDAT", deflateSync(Buffer.from([0, 2, 0, 1]))),
    encodePngChunk("IEND", Buffer.alloc(0)),
  ];
  const path = join(root, "mask.png");
  writeFileSync(path, Buffer.concat([pngSignature, ...parts]));
  expect((await readImage(path)).shape).toEqual([3, 1, 1, 3]);
  expect((await readImage(path, { palette: "indices" })).data).toEqual(Uint8Array.of(2, 0, 1));
  expect((await readImageInfo(path, { palette: "indices" })).shape).toEqual([1, 1, 1, 3]);
  mkdirSync(join(root, "cells/images"), { recursive: true });
  mkdirSync(join(root, "cells/labels"));
  writeFileSync(join(root, "cells/labels/m.png"), Buffer.concat([pngSignature, ...parts]));
  await writeImage(join(root, "cells/images/m.png"), { ...(await readImage(path, { palette: "indices" })) });
  const dataset = await convertDataset(join(root, "cells"), join(root, "raw"), { datasetId: 5 });
  expect(dataset.json.labels).toEqual({ background: 0, label_1: 1, label_2: 2 });
  expect((await readCase(dataset.trainingCases[0]!, dataset.json)).label!.data).toEqual(Int16Array.of(2, 0, 1));
});
