import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { NnunetEvent } from "@nnunet/core";
import { loadModel, type Model } from "@nnunet/inference";
import { readImage } from "@nnunet/io";
import { createPipeline, namesOneFile, type Pipeline, predictorOf } from "@nnunet/pipeline";
import { foldersIn, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

let scratch: string;
let dataset: string;
let pipeline: Pipeline;
let model: Model;
let validation: string[];
let predicted: string[];

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  const folders = foldersIn(scratch);
  const nrrd = { name: "Dataset007_Tiny", prefix: "tiny", trainingCases: 5, testCases: 1, fileEnding: ".nrrd" };
  dataset = await writeTinyDataset(folders.raw, nrrd);
  pipeline = createPipeline({}, folders);
  const result = await pipeline.run(dataset, {
    configurations: ["3d_fullres"],
    folds: [0],
    baseFeatures: 2,
    batchSize: 2,
    settings: { epochs: 1, iterationsPerEpoch: 2, validationIterations: 1 },
    workers: 1,
  });
  const path = result.folds[0]!.training.model;
  validation = await readdir(join(path, "..", "validation"));
  predicted = await readdir(result.test[0]!.folder);
  model = await loadModel(path);
});
afterAll(async () => {
  await model?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

/** The same network, trained on a dataset of another file ending. */
const trainedOn = (fileEnding: string): Model => ({
  metadata: { ...model.metadata, dataset: { ...model.metadata.dataset, fileEnding } },
  run: (batch, shape) => model.run(batch, shape),
  dispose: async () => {},
});

const fast = { mirroring: false };

describe("the dataset's file ending", () => {
  test("is that of the validation and of imagesTs_predicted", () => {
    expect(validation.sort()).toEqual(["made_from.json", "summary.json", expect.stringMatching(/^tiny_\d\.nrrd$/)]);
    expect(predicted).toContain("tiny_5.nrrd");
    expect(predicted.filter((name) => name.endsWith(".nii.gz"))).toEqual([]);
  });

  test.each([
    [".nrrd", "tiny_5.nrrd", undefined],
    [".mha", "tiny_5.mha", undefined],
    [".nii", "tiny_5.nii", undefined],
    [".tif", "tiny_5.tif", undefined],
    [".png", "tiny_5.nii.gz", "tiny_5_0000.nrrd has 10 slices, which .png cannot hold"],
    [".jpg", "tiny_5.nii.gz", ".jpg, the dataset's file_ending, cannot be written"],
  ])("%s gives %s", (ending, name, reason) =>
    withScratch(async (folder) => {
      const told: string[] = [];
      const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(event.text);
      const input = join(dataset, "imagesTs");
      const written = await pipeline.predict(
        predictorOf([{ models: [trainedOn(ending)] }]),
        input,
        join(folder, "out"),
        { ...fast, onEvent },
      );
      expect(written).toEqual([join(folder, "out", name)]);
      const image = await readImage(join(input, "tiny_5_0000.nrrd"));
      const segmentation = await readImage(written[0]!);
      expect(segmentation.shape).toEqual(image.shape);
      expect(segmentation.geometry.spacing).toEqual(image.geometry.spacing);
      const formats = told.filter((text) => text.startsWith("segmentations are written as .nii.gz, because "));
      expect(formats).toEqual(reason === undefined ? [] : [expect.stringContaining(reason)]);
    }),
  );
});

describe("an output that cannot be is refused before a model is loaded", () => {
  const image = () => join(dataset, "imagesTs", "tiny_5_0000.nrrd");
  test.each([
    [
      "o.xyz",
      "writing o.xyz (.xyz) is not supported; use one of .nii.gz .nii .hdr .hdr.gz .nrrd .nhdr .mha .mhd .tif .tiff .png .bmp .dcm, or o.xyz/ for a folder",
    ],
    [
      "o.jpg",
      "writing o.jpg (.jpg) is not supported; use one of .nii.gz .nii .hdr .hdr.gz .nrrd .nhdr .mha .mhd .tif .tiff .png .bmp .dcm",
    ],
  ])("%s", async (output, message) => {
    await expect(namesOneFile(image(), output)).rejects.toThrow(message);
    await expect(pipeline.predict(predictorOf([{ models: [model] }]), image(), output)).rejects.toThrow(message);
  });
  test("several slices as .png", async () => {
    const message = `writing the 10 slices of ${image()} as o.png is not supported; use .nii.gz`;
    await expect(namesOneFile(image(), "o.png")).rejects.toThrow(message);
    await expect(namesOneFile(join(image(), ".."), "o.png")).rejects.toThrow(message);
  });
  test("a folder is one that is there, has no ending, or ends with a slash", () =>
    withScratch(async (folder) => {
      await mkdir(join(folder, "a.v2"));
      expect(await namesOneFile(image(), join(folder, "a.v2"))).toBe(false);
      expect(await namesOneFile(image(), "out")).toBe(false);
      expect(await namesOneFile(image(), "out.v2/")).toBe(false);
      expect(await namesOneFile(join(image(), ".."), "out.v2")).toBe(false);
      expect(await namesOneFile(image(), "out.nii.gz")).toBe(true);
    }));
});

describe("the user's files", () => {
  test("an input is never an output, by whatever name and with --overwrite", () =>
    withScratch(async (folder) => {
      const image = join(folder, "a.nrrd");
      await copyFile(join(dataset, "imagesTs", "tiny_5_0000.nrrd"), image);
      await symlink(image, join(folder, "b.nrrd"));
      const bytes = await readFile(image);
      const overwrite = { ...fast, overwrite: true };
      await expect(pipeline.predict(predictorOf([{ models: [model] }]), image, image, overwrite)).rejects.toThrow(
        `${image}: is an image to be segmented, and never overwritten; choose another output`,
      );
      await expect(pipeline.predict(predictorOf([{ models: [model] }]), image, folder, overwrite)).rejects.toThrow(
        `${folder}: lies among the images to be segmented: a later run would take the segmentations in it for images; choose another output`,
      );
      await expect(
        pipeline.predict(predictorOf([{ models: [model] }]), image, join(folder, "b.nrrd"), overwrite),
      ).rejects.toThrow(
        `${join(folder, "b.nrrd")}: is the same file as ${image}, an image to be segmented, and never overwritten; choose another output`,
      );
      expect(await readFile(image)).toEqual(bytes);
      expect((await readdir(folder)).sort()).toEqual(["a.nrrd", "b.nrrd"]);
    }));

  test("dataset.json and plans.json of something else are never overwritten, and nothing is predicted", () =>
    withScratch(async (folder) => {
      const input = join(dataset, "imagesTs");
      const refused = (path: string) =>
        `${path}: belongs to something else than predictions of this model and is never overwritten; choose another output folder`;
      const overwrite = { ...fast, overwrite: true };
      // the raw dataset, though its dataset.json means the same
      const raw = await readFile(join(dataset, "dataset.json"));
      await expect(pipeline.predict(predictorOf([{ models: [model] }]), input, dataset, overwrite)).rejects.toThrow(
        refused(join(dataset, "dataset.json")),
      );
      expect(await readFile(join(dataset, "dataset.json"))).toEqual(raw);
      expect((await readdir(dataset)).sort()).toEqual(["dataset.json", "imagesTr", "imagesTs", "labelsTr", "labelsTs"]);
      for (const name of ["dataset.json", "plans.json"]) {
        const path = join(folder, name.replace(".json", ""), name);
        await mkdir(join(path, ".."));
        await writeFile(path, '{ "mine": true }');
        await expect(
          pipeline.predict(predictorOf([{ models: [model] }]), input, join(path, ".."), overwrite),
        ).rejects.toThrow(refused(path));
        expect(await readFile(path, "utf8")).toBe('{ "mine": true }');
        expect(await readdir(join(path, ".."))).toEqual([name]);
      }
      // into our own, again and again
      await pipeline.predict(predictorOf([{ models: [model] }]), input, join(folder, "out"), fast);
      expect(
        await pipeline.predict(predictorOf([{ models: [model] }]), input, join(folder, "out"), overwrite),
      ).toHaveLength(1);
    }));

  test("after Ctrl-C, --continue keeps what is there and predicts the rest", () =>
    withScratch(async (folder) => {
      const input = join(dataset, "imagesTr");
      const output = join(folder, "out");
      const abort = new AbortController();
      const onEvent = (event: NnunetEvent) => event.type === "progress" && abort.abort();
      const stopped = pipeline.predict(predictorOf([{ models: [model] }]), input, output, {
        ...fast,
        signal: abort.signal,
        onEvent,
      });
      await expect(stopped).rejects.toThrow("prediction: cancelled");
      const first = join(output, "tiny_0.nrrd");
      const { mtimeMs } = await stat(first);
      expect((await readdir(output)).sort()).toEqual(["dataset.json", "made_from.json", "plans.json", "tiny_0.nrrd"]);

      await expect(pipeline.predict(predictorOf([{ models: [model] }]), input, output, fast)).rejects.toThrow(
        `${first}: exists already; add \`continue\` to keep it and predict the other cases, or \`overwrite\` to replace it, or choose another output`,
      );
      const goOn = { ...fast, continue: true };
      expect(await pipeline.predict(predictorOf([{ models: [model] }]), input, output, goOn)).toEqual(
        [1, 2, 3, 4].map((index) => join(output, `tiny_${index}.nrrd`)),
      );
      expect((await stat(first)).mtimeMs).toBe(mtimeMs);
      expect(await pipeline.predict(predictorOf([{ models: [model] }]), input, output, goOn)).toEqual([]);
      // probabilities that are asked for now make a case unfinished
      const probabilities = await pipeline.predict(predictorOf([{ models: [model] }]), input, output, {
        ...goOn,
        saveProbabilities: true,
      });
      expect(probabilities).toHaveLength(10);
      expect(existsSync(join(output, "tiny_0_probabilities.nii.gz"))).toBe(true);
    }));
});
