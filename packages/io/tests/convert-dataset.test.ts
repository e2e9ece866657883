import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { NnunetEvent } from "@nnunet/core";
import { convertDataset, readCase, readImage, writeImage } from "@nnunet/io";
import { geometry, image, labels } from "./made-dataset.ts";
import { scratchFolder } from "./nifti-files.ts";

const scratch = scratchFolder();
const root = join(scratch, "nnUNet_raw");
const source = join(scratch, "Task01_BrainTumour");
const json = {
  name: "BRATS",
  description: "made for a test",
  modality: { 0: "FLAIR", 1: "T1w" },
  labels: { 0: "background", 1: "edema", 2: "core" },
  numTraining: 2,
  numTest: 1,
  training: ["x", "y"].map((id) => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` })),
  test: ["./imagesTs/z.nii.gz"],
};
const twoChannels = (seed: number) => ({
  data: Float32Array.from([...image(seed).data, ...image(seed + 1).data]),
  shape: [2, 2, 3, 4] as const,
  geometry,
});
const writeJson = (changes: object) =>
  writeFileSync(join(source, "dataset.json"), JSON.stringify({ ...json, ...changes }));

beforeEach(async () => {
  rmSync(scratch, { recursive: true });
  for (const [n, id] of ["x", "y"].entries()) {
    await writeImage(join(source, `imagesTr/${id}.nii.gz`), twoChannels(4 * n));
    await writeImage(join(source, `labelsTr/${id}.nii.gz`), labels());
  }
  await writeImage(join(source, "imagesTs/z.nii.gz"), twoChannels(20));
  writeFileSync(join(source, "imagesTr/._x.nii.gz"), "left by macOS");
  writeJson({});
});

describe("convertDataset", () => {
  test("a folder that is no source: says what one looks like", async () => {
    const empty = join(scratch, "Task02_Empty");
    mkdirSync(empty);
    const expected =
      "expected a Decathlon or nnU-Net v1 folder (dataset.json, imagesTr, labelsTr) or a folder of pictures (images, labels), found";
    await expect(convertDataset(empty, root)).rejects.toHaveProperty(
      "message",
      `${empty}: ${expected} an empty folder`,
    );
    writeFileSync(join(empty, "notes.txt"), "x");
    await expect(convertDataset(empty, root)).rejects.toHaveProperty("message", `${empty}: ${expected} notes.txt`);
  });

  test("splits the channels of a Decathlon folder and translates its dataset.json", async () => {
    const events: NnunetEvent[] = [];
    const dataset = await convertDataset(source, root, { onEvent: (event) => events.push(event) });
    expect(dataset.name).toBe("Dataset001_BrainTumour");
    expect(readdirSync(root)).toEqual(["Dataset001_BrainTumour"]);
    expect(readdirSync(dataset.folder).sort()).toEqual(["dataset.json", "imagesTr", "imagesTs", "labelsTr"]);
    expect(readdirSync(join(dataset.folder, "imagesTr")).sort()).toEqual([
      "x_0000.nii.gz",
      "x_0001.nii.gz",
      "y_0000.nii.gz",
      "y_0001.nii.gz",
    ]);
    const second = await readImage(join(dataset.folder, "imagesTr/y_0001.nii.gz"));
    expect(second.data).toEqual(image(5).data);
    expect(second.geometry).toMatchObject(geometry);
    expect((await readCase(dataset.trainingCases[1]!, dataset.json)).image.data).toEqual(twoChannels(4).data);
    expect(JSON.parse(readFileSync(join(dataset.folder, "dataset.json"), "utf8"))).toEqual({
      name: "BRATS",
      channel_names: { 0: "FLAIR", 1: "T1w" },
      labels: { background: 0, edema: 1, core: 2 },
      numTraining: 2,
      numTest: 1,
      file_ending: ".nii.gz",
      description: "made for a test",
    });
    expect(dataset.testCases.map(({ id }) => id)).toEqual(["z"]);
    expect(events.map(({ type }) => type)).toEqual(["stage-start", "progress", "progress", "progress", "stage-end"]);
  });

  test("copies the files of an nnU-Net v1 folder, channel by channel", async () => {
    for (const file of ["imagesTr/x", "imagesTr/y", "imagesTs/z"]) {
      rmSync(join(source, `${file}.nii.gz`));
      await writeImage(join(source, `${file}_0000.nii.gz`), image(1));
      await writeImage(join(source, `${file}_0001.nii.gz`), image(2));
    }
    const dataset = await convertDataset(source, root, { datasetId: 55, name: "Mine" });
    expect(dataset.name).toBe("Dataset055_Mine");
    for (const c of ["0000", "0001"]) {
      expect(readFileSync(join(dataset.folder, `imagesTr/y_${c}.nii.gz`))).toEqual(
        readFileSync(join(source, `imagesTr/y_${c}.nii.gz`)),
      );
    }
  });

  test("never overwrites a dataset of the same number", async () => {
    mkdirSync(join(root, "Dataset001_Mine"), { recursive: true });
    await expect(convertDataset(source, root)).rejects.toThrow(
      new Error(
        `${root}/Dataset001_Mine: this dataset is already there and is not overwritten; remove it first, or choose another number as \`datasetId\``,
      ),
    );
  });

  test.each<[string, () => void | Promise<void>, string]>([
    [
      "a missing label",
      () => rmSync(join(source, "labelsTr/y.nii.gz")),
      "SOURCE/labelsTr/y.nii.gz: the label of case y is missing; get it, or take the case off the list",
    ],
    [
      "a missing image",
      () => rmSync(join(source, "imagesTr/x.nii.gz")),
      "SOURCE/imagesTr/x.nii.gz: this image is listed in dataset.json but is missing; get it, or take it off the list",
    ],
    [
      "a damaged image",
      () =>
        writeFileSync(
          join(source, "imagesTr/y.nii.gz"),
          readFileSync(join(source, "imagesTr/y.nii.gz")).subarray(0, 250),
        ),
      "SOURCE/imagesTr/y.nii.gz: the gzip data end early; the file is cut off, get it again",
    ],
    [
      "another number of channels",
      () => writeImage(join(source, "imagesTr/x.nii.gz"), image(1)),
      "SOURCE/imagesTr/x.nii.gz: it has 1 channels, dataset.json names 2 (FLAIR, T1w)",
    ],
    [
      "no list",
      () => writeJson({ training: undefined }),
      'SOURCE/dataset.json → training: expected [{ "image": "…", "label": "…" }, …], got undefined',
    ],
    [
      "a wrong entry",
      () => writeJson({ training: [{ image: 3 }] }),
      'SOURCE/dataset.json → training.0: expected [{ "image": "…", "label": "…" }, …], got { image }',
    ],
    [
      "a case listed twice",
      () => writeJson({ training: [json.training[0], json.training[0]] }),
      "SOURCE/dataset.json → training: case x is listed twice",
    ],
    [
      "a path that leads outside",
      () => writeJson({ training: [{ image: "../x.nii.gz", label: "../x.nii.gz" }] }),
      "SOURCE/dataset.json → training: ../x.nii.gz lies outside the folder",
    ],
  ])("leaves nothing behind after %s", async (_, spoil, text) => {
    await spoil();
    await expect(convertDataset(source, root)).rejects.toHaveProperty("message", text.replaceAll("SOURCE", source));
    expect(readdirSync(scratch)).not.toContain("nnUNet_raw/Dataset001_BrainTumour");
    let left: string[] = [];
    try {
      left = readdirSync(root);
    } catch {}
    expect(left).toEqual([]);
  });

  test("stops when asked to", async () => {
    const controller = new AbortController();
    const onEvent = (event: NnunetEvent) => event.type === "progress" && controller.abort();
    await expect(convertDataset(source, root, { signal: controller.signal, onEvent })).rejects.toHaveProperty(
      "message",
      "convert Dataset001_BrainTumour: cancelled",
    );
    expect(existsSync(root)).toBe(false);
  });
});
