import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { type DatasetProblem, fixDataset, openDataset, verifyDataset, writeImage } from "@nnunet/io";
import { geometry, image, labels, makeDataset, volume, writeDatasetJson } from "./made-dataset.ts";
import { loadEntries, scratchFolder, unpack } from "./nifti-files.ts";

const root = scratchFolder();
let folder: string;
beforeEach(async () => {
  rmSync(root, { recursive: true });
  folder = await makeDataset(root);
});
const row = ({ severity, case: id, file, problem, fix }: DatasetProblem) => [severity, id, file, problem, fix];
const verify = async () => (await verifyDataset(folder)).problems.map(row);
const kinds = async () => (await verifyDataset(folder)).problems.map(({ kind }) => kind);

describe("verifyDataset", () => {
  test("finds nothing wrong with a good dataset", async () => {
    expect(await verifyDataset(folder)).toEqual({
      folder,
      trainingCases: 3,
      testCases: 1,
      filesRead: 11,
      problems: [],
      ok: true,
    });
  });

  test("reports every problem, not only the first", async () => {
    const tr = (name: string) => join(folder, "imagesTr", name);
    const label = (id: string) => join(folder, "labelsTr", `${id}.nii.gz`);
    // a: NaN and infinite voxels in one channel, an undeclared label.
    await writeImage(
      tr("a_0000.nii.gz"),
      volume(Float32Array.from({ length: 24 }, (_, i) => [Number.NaN, 1, Infinity][i % 3]!)),
    );
    await writeImage(label("a"), volume(Uint8Array.from({ length: 24 }, (_, i) => (i < 3 ? 9 : 1))));
    // b: a damaged channel, a label of another shape.
    writeFileSync(tr("b_0001.nii.gz"), readFileSync(tr("b_0001.nii.gz")).subarray(0, 100));
    await writeImage(label("b"), { ...labels(), shape: [1, 3, 2, 4] });
    // c: other spacing, origin, direction; no foreground; no label of d; no image of e.
    const moved = {
      ...geometry,
      spacing: [3, 1, 0.6],
      origin: [-10, 4, 8],
      direction: [-1, 0, 0, 0, 1, 0, 0, 0, 1],
    } as const;
    await writeImage(tr("c_0001.nii.gz"), image(5, moved));
    await writeImage(label("c"), volume(new Uint8Array(24)));
    await writeImage(tr("d_0001.nii.gz"), image(8));
    await writeImage(label("e"), labels());
    writeFileSync(tr("notes.txt"), "x");
    expect(await verify()).toEqual([
      [
        "warning",
        "",
        "imagesTr/notes.txt",
        "the file is not called <case>_0000.nii.gz and is never used",
        "remove or rename it",
      ],
      [
        "error",
        "d",
        "imagesTr/d_0000.nii.gz",
        "channel 0 (T1) of the case is missing",
        "add the file or remove the case",
      ],
      [
        "error",
        "e",
        "imagesTr/e_0000.nii.gz",
        "there is a label but no image of this case",
        "add the image or remove the label",
      ],
      ["error", "d", "labelsTr/d.nii.gz", "the label is missing", "add the file or remove the images of this case"],
      [
        "error",
        "",
        "dataset.json",
        "numTraining is 3, there are 4 training cases",
        "set numTraining to 4, or add the missing cases",
      ],
      [
        "error",
        "a",
        "imagesTr/a_0000.nii.gz",
        "8 NaN and 8 infinite voxels, the first at (0, 0, 0) [x, y, z], RAS (10, -4, 7.5) mm",
        "repair the image (set them to the background value) or remove the case",
      ],
      [
        "error",
        "a",
        "labelsTr/a.nii.gz",
        "undeclared value 9 (3 voxels); dataset.json declares 0, 1, 2",
        'correct the file, or add the value to "labels" in dataset.json',
      ],
      [
        "error",
        "b",
        "imagesTr/b_0001.nii.gz",
        "the gzip data end early; the file is cut off, get it again",
        "get or make the file again, or remove the case",
      ],
      [
        "error",
        "b",
        "labelsTr/b.nii.gz",
        "4 × 2 × 3 voxels, but 4 × 3 × 2 in b_0000.nii.gz",
        "resample one of the two onto the other's grid, or remove the case",
      ],
      [
        "error",
        "c",
        "imagesTr/c_0001.nii.gz",
        "spacing [3,1,0.6000000238418579] mm, but [3,1,0.5] in c_0000.nii.gz",
        "find out which header is right and correct the other",
      ],
      [
        "error",
        "c",
        "imagesTr/c_0001.nii.gz",
        "direction [-1,0,0,0,1,0,0,0,1], but [1,0,0,0,1,0,0,0,1] in c_0000.nii.gz",
        "check that the two lie on each other, then take over the image's",
      ],
      [
        "error",
        "c",
        "imagesTr/c_0001.nii.gz",
        "origin [-10,4,8], but [-10,4,7.5] in c_0000.nii.gz",
        "check that the two lie on each other, then take over the image's",
      ],
      [
        "warning",
        "c",
        "labelsTr/c.nii.gz",
        "there is no foreground voxel",
        "check that this is meant; such a case is sampled as background only",
      ],
    ]);
  });

  test("counts numbers that float32 cannot hold beside those that are none", async () => {
    const path = join(folder, "imagesTr/a_0000.nii.gz");
    const { shape, geometry } = image(0);
    const data = new Float64Array(shape[1] * shape[2] * shape[3]).fill(1e300, 5, 7);
    data[9] = Number.NaN;
    await writeImage(path, { data, shape, geometry });
    const { problems } = await verifyDataset(folder);
    expect(problems.find(({ kind }) => kind === "not-finite")?.problem).toMatch(
      /^1 NaN and 2 too large for float32 voxels, the first at \(/,
    );
  });

  test("duplicates by content, whatever the compression", async () => {
    for (const c of ["0000", "0001"]) {
      await writeImage(join(folder, `imagesTr/c_${c}.nii.gz`), image(c === "0000" ? 0 : 1), { compression: 9 });
    }
    expect(await verify()).toEqual([
      [
        "error",
        "c",
        "imagesTr/c_0000.nii.gz",
        "the voxels of this case are the same as those of case a",
        "remove one of the two: a copy in training and validation makes the results look better than they are",
      ],
    ]);
  });

  test("one image with two annotations is no copy: a warning, to keep the two in one fold", async () => {
    for (const c of ["0000", "0001"])
      await writeImage(join(folder, `imagesTr/c_${c}.nii.gz`), image(c === "0000" ? 0 : 1));
    const { data, ...other } = labels();
    await writeImage(join(folder, "labelsTr/c.nii.gz"), {
      ...other,
      data: data.map((label) => (label === 1 ? 2 : label)),
    });
    const { problems, ok } = await verifyDataset(folder);
    expect(problems.map(row)).toEqual([
      [
        "warning",
        "c",
        "imagesTr/c_0000.nii.gz",
        "the image is the same as that of case a, with other labels",
        "two annotations of one image belong into one fold: split by groups, or a network is validated on an image that it was trained on",
      ],
    ]);
    expect(ok).toBe(true);
  });

  test("a dataset.json that is missing or wrong does not stop the check of the files", async () => {
    await writeImage(join(folder, "labelsTr/b.nii.gz"), { ...labels(), shape: [1, 3, 2, 4] });
    writeDatasetJson(folder, { labels: undefined });
    expect((await verify()).map(([, id, file, problem]) => [id, file, problem])).toEqual([
      [
        "",
        "dataset.json",
        'labels: this key is missing; add it, for example "labels": { "background": 0, "tumour": 1 }',
      ],
      ["b", "labelsTr/b.nii.gz", "4 × 2 × 3 voxels, but 4 × 3 × 2 in b_0000.nii.gz"],
    ]);
    rmSync(join(folder, "dataset.json"));
    expect(await kinds()).toEqual(["dataset-json", "shape"]);
  });

  test("an empty folder of another name", async () => {
    const empty = join(root, "mine");
    mkdirSync(empty);
    const report = await verifyDataset(empty);
    expect(report.ok).toBe(false);
    expect(report.problems.map(({ kind }) => kind)).toEqual(["folder-name", "dataset-json", "missing-file"]);
    await expect(verifyDataset(join(root, "none"))).rejects.toHaveProperty(
      "message",
      `${root}/none: could not be opened: no such file or folder`,
    );
  });

  test("label ids with gaps, a wrong number of channels in one file, explicit paths", async () => {
    writeDatasetJson(folder, { labels: { background: 0, core: 1, rim: 2, far: 5 } });
    expect(await kinds()).toEqual(["label-ids"]);
    writeDatasetJson(folder, {
      channel_names: { 0: "T1" },
      numTraining: 2,
      dataset: {
        one: { images: ["imagesTr/a_0000.nii.gz", "imagesTr/b_0000.nii.gz"], label: "labelsTr/a.nii.gz" },
        two: { images: ["imagesTr/none.nii.gz"], label: "labelsTr/b.nii.gz" },
      },
    });
    expect((await verify()).map(([, id, , problem]) => [id, problem])).toEqual([
      ["two", "the image is missing"],
      ["t", "there is no channel 1; dataset.json names 1"],
      ["one", "the case has 2 channels, dataset.json names 1"],
    ]);
  });

  test("a NIfTI file whose sform and qform place it differently", async () => {
    const entry = loadEntries().find(({ name }) => name === "sform and qform differ")!;
    copyFileSync(unpack(entry, root), join(root, "x.nii"));
    const other = join(root, "Dataset008_One");
    mkdirSync(join(other, "imagesTr"), { recursive: true });
    mkdirSync(join(other, "labelsTr"));
    copyFileSync(join(root, "x.nii"), join(other, "imagesTr/x_0000.nii"));
    copyFileSync(join(root, "x.nii"), join(other, "labelsTr/x.nii"));
    writeDatasetJson(other, { channel_names: { 0: "CT" }, numTraining: 1, file_ending: ".nii" });
    const problems = (await verifyDataset(other)).problems.filter(({ kind }) => kind === "two-placements");
    expect(problems.map(({ severity, problem }) => [severity, problem])).toEqual(
      Array(2).fill([
        "warning",
        "sform and qform place the image differently; we use the sform, ITK may use the qform",
      ]),
    );
  });

  test("stops when asked to", async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(verifyDataset(folder, { signal: controller.signal })).rejects.toHaveProperty("code", "CANCELLED");
  });
});

describe("fixDataset", () => {
  test("puts right what loses nothing, in a new folder, and says what is left", async () => {
    const rounding = { ...geometry, origin: [-10.0003, 4, 7.5] } as const;
    await writeImage(join(folder, "labelsTr/a.nii.gz"), { ...labels(), geometry: rounding });
    await writeImage(join(folder, "labelsTr/c.nii.gz"), volume(new Uint8Array(24)));
    writeFileSync(join(folder, "labelsTr/notes.txt"), "x");
    writeDatasetJson(folder, { numTraining: 30, licence: "CC0" });
    expect(await kinds()).toEqual(["extra-file", "case-count", "origin", "empty-foreground"]);
    const before = readFileSync(join(folder, "labelsTr/a.nii.gz"));

    const target = join(root, "Dataset009_Fixed");
    const { fixed, report } = await fixDataset(folder, target);
    expect(fixed.map(({ kind }) => kind)).toEqual(["extra-file", "case-count", "origin"]);
    expect(report.problems.map(({ kind }) => kind)).toEqual(["empty-foreground"]);
    expect(existsSync(join(target, "labelsTr/notes.txt"))).toBe(false);
    expect((await openDataset(target)).json).toMatchObject({ numTraining: 3, other: { licence: "CC0" } });
    // The source is left alone.
    expect(readFileSync(join(folder, "labelsTr/a.nii.gz"))).toEqual(before);
    await expect(fixDataset(folder, target)).rejects.toHaveProperty(
      "message",
      `${target}: it is already there and is not overwritten; remove it first`,
    );
  });

  test("each fixed problem comes with what was done about it", async () => {
    writeFileSync(join(folder, "labelsTr/notes.txt"), "x");
    writeDatasetJson(folder, { numTraining: 30 });
    const { fixed } = await fixDataset(folder, join(root, "Dataset009_Fixed"));
    expect(fixed.map(({ done }) => done)).toEqual(["not copied", "numTraining set to the number of cases"]);
  });

  test("refuses a name that no dataset can have before it reads or copies anything", async () => {
    writeDatasetJson(folder, { numTraining: 30 });
    const events: unknown[] = [];
    const target = join(root, "fixed");
    await expect(fixDataset(folder, target, { onEvent: (event) => events.push(event) })).rejects.toHaveProperty(
      "message",
      `${target}: the new folder must be called DatasetNNN_Name, such as Dataset014_Hippocampus`,
    );
    expect(events).toEqual([]);
    expect(existsSync(target)).toBe(false);
  });

  test("a file_ending that no image has is reported once, with the right one, and can be put right", async () => {
    writeDatasetJson(folder, { file_ending: ".nrrd" });
    expect(await verify()).toEqual([
      [
        "error",
        "",
        "dataset.json",
        'file_ending is ".nrrd", but the files of imagesTr end with ".nii.gz"',
        'set file_ending to ".nii.gz"; the files are checked as if it were so',
      ],
    ]);
    await expect(openDataset(folder)).rejects.toHaveProperty(
      "message",
      `${folder}/dataset.json → file_ending: is ".nrrd", but the files of imagesTr end with ".nii.gz"; correct it`,
    );
    const { report } = await fixDataset(folder, join(root, "Dataset009_Fixed"));
    expect(report.problems).toEqual([]);
  });

  test("makes no folder if there is nothing to fix", async () => {
    const target = join(root, "Dataset009_Fixed");
    expect((await fixDataset(folder, target)).fixed).toEqual([]);
    expect(existsSync(target)).toBe(false);
  });
});
