import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { axisAlignedGeometry } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { readImage, writeImage } from "@nnunet/io";
import { madeCase, tinyTraining, writeMadeDataset } from "./made-dataset.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

/** Everything below a folder, so that "nothing half-written" can be seen. */
async function everything(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true }).catch(() => [])).sort();
}

/** One way to spoil a dataset, and what must be said about it. */
const spoilt: {
  readonly name: string;
  readonly spoil: (dataset: string) => Promise<void>;
  /** In `verify`'s table. */
  readonly verify: string;
  /** The one sentence of every command that meets it, the dataset's folder written as `<dataset>`. */
  readonly sentence: string;
}[] = [
  {
    name: "a missing label",
    spoil: (dataset) => rm(join(dataset, "labelsTr", "made_1.nii.gz")),
    verify: "made_1",
    sentence: "<dataset>/labelsTr/made_1.nii.gz: the label of case made_1 is missing; add the file or remove the case",
  },
  {
    name: "a label with a value that is not declared",
    spoil: async (dataset) => {
      const { label } = madeCase(1);
      label.data[0] = 7;
      await writeImage(join(dataset, "labelsTr", "made_1.nii.gz"), label);
    },
    verify: "undeclared value 7 (1 voxels)",
    sentence:
      'fingerprint, case made_1: <dataset>/labelsTr/made_1.nii.gz → voxel (0, 0, 0) [x, y, z], RAS (0, 0, 0) mm: the label 7 is not declared; dataset.json has 0, 1, 2: add it to "labels" or correct the file',
  },
  {
    name: "image and label of different shape",
    spoil: (dataset) => writeImage(join(dataset, "labelsTr", "made_1.nii.gz"), madeCase(1, [7, 12, 12]).label),
    verify: "12 × 12 × 7 voxels, but 12 × 12 × 8",
    sentence:
      "fingerprint, case made_1: label <dataset>/labelsTr/made_1.nii.gz of case made_1: expected 12 × 12 × 8 voxels (x × y × z), got 12 × 12 × 7",
  },
  {
    name: "image and label of different spacing",
    spoil: async (dataset) => {
      const { label } = madeCase(1);
      await writeImage(join(dataset, "labelsTr", "made_1.nii.gz"), {
        ...label,
        geometry: axisAlignedGeometry([3, 1, 1]),
      });
    },
    verify: "spacing [3,1,1] mm, but [2,1,1]",
    sentence: "fingerprint, case made_1: <dataset>/labelsTr/made_1.nii.gz",
  },
  {
    name: "a truncated .nii.gz",
    spoil: (dataset) => truncate(join(dataset, "imagesTr", "made_1_0000.nii.gz"), 2000),
    verify: "the gzip data end early; the file is cut off, get it again",
    sentence: "fingerprint, case made_1: <dataset>/imagesTr/made_1_0000.nii.gz",
  },
  {
    name: "a NaN voxel",
    spoil: async (dataset) => {
      const { image } = madeCase(1);
      image.data[13] = Number.NaN;
      await writeImage(join(dataset, "imagesTr", "made_1_0000.nii.gz"), image);
    },
    verify: "1 NaN voxel, the first at (1, 1, 0) [x, y, z], RAS ",
    sentence: "fingerprint, case made_1: <dataset>/imagesTr/made_1_0000.nii.gz → voxel (1, 1, 0) [x, y, z], RAS ",
  },
  {
    name: "a dataset.json with a missing key",
    spoil: async (dataset) => {
      const { labels: _, ...rest } = (await readJson(join(dataset, "dataset.json"))) as { labels: unknown };
      await writeJsonAtomic(join(dataset, "dataset.json"), rest);
    },
    verify: "labels",
    sentence: "<dataset>/dataset.json → labels",
  },
  {
    name: "a dataset.json that is no JSON",
    spoil: (dataset) => writeFile(join(dataset, "dataset.json"), "{ labels: "),
    verify: "not valid JSON",
    sentence: "<dataset>/dataset.json: not valid JSON",
  },
];

describe.each(spoilt)("$name", ({ spoil, verify, sentence }) => {
  test("verify lists it and ends with 1; fingerprint says one sentence, ends with 3 and writes nothing", () =>
    withScratch(async (scratch, roots) => {
      const dataset = await writeMadeDataset(join(scratch, "raw"));
      await spoil(dataset);
      const verified = await nnunet("verify", "8", ...roots);
      expect(verified.stdout).toContain(verify);
      expect(verified.code).toBe(1);

      const { code, stdout, stderr } = await nnunet("fingerprint", "8", ...roots);
      const lines = stderr.trim().split("\n");
      expect(lines.at(-1)!.replaceAll(dataset, "<dataset>")).toContain(`nnunet: ${sentence}`);
      expect(lines.filter((line) => line.startsWith("nnunet:"))).toHaveLength(1);
      expect(stderr).not.toMatch(/^ +at /m);
      expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
      expect(await everything(join(scratch, "preprocessed"))).toEqual([]);
    }));
});

test("an empty folder: verify lists it, run and predict say what was expected there", () =>
  withScratch(async (scratch, roots) => {
    const { mkdir } = await import("node:fs/promises");
    const empty = join(scratch, "raw", "Dataset009_Empty");
    await mkdir(empty, { recursive: true });
    expect((await nnunet("verify", "9", ...roots)).code).toBe(1);
    const { code, stderr } = await nnunet("run", "9", ...roots);
    expect(stderr).toBe(
      `nnunet: ${join(empty, "dataset.json")}: there is no dataset.json; write one (channel_names, labels, numTraining, file_ending), or make the dataset with nnunet convert\n`,
    );
    expect(code).toBe(3);
    expect(await everything(join(scratch, "preprocessed"))).toEqual([]);
  }));

test("labels whose origin is not the image's: training scores them voxel by voxel and says so; cuda must be there", () =>
  withScratch(async (scratch, roots) => {
    const dataset = await writeMadeDataset(join(scratch, "raw"));
    for (let index = 0; index < 5; index++) {
      const { label } = madeCase(index);
      const [x, y, z] = label.geometry.origin;
      const geometry = { ...label.geometry, origin: [x + 5, y, z] as const };
      await writeImage(join(dataset, "labelsTr", `made_${index}.nii.gz`), { ...label, geometry });
    }
    for (const command of ["fingerprint", "plan", "preprocess"]) {
      expect((await nnunet(command, "8", ...roots)).code).toBe(0);
    }
    const cuda = await nnunet("train", "8", "3d_fullres", "0", "--device", "cuda", ...tinyTraining, ...roots);
    if (cuda.code !== 0) {
      expect(cuda.stderr).toContain(
        "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install",
      );
      expect(cuda.code).toBe(3);
    }
    const trained = await nnunet("train", "8", "3d_fullres", "0", "--overwrite", ...tinyTraining, ...roots);
    expect(trained.stderr).toMatch(
      /evaluate: warning: .*made_\d\.nii\.gz → origin: differs from .*made_\d\.nii\.gz: .*; compared voxel by voxel/,
    );
    expect(trained.code).toBe(0);
  }));

describe("a checkpoint and a model cut in half", () => {
  test("each is named with what to do, and no result is written", () =>
    withScratch(async (scratch, roots) => {
      await writeMadeDataset(join(scratch, "raw"));
      const ran = await nnunet("run", "8", "-c", "3d_fullres", "-f", "0", ...tinyTraining, ...roots);
      expect(ran.stderr).not.toContain("nnunet:");
      expect(ran.code).toBe(0);
      const results = join(scratch, "results", "Dataset008_Made");
      const folder = (await readdir(results)).find((name) => name.startsWith("nnUNetTrainer__"));
      const fold = join(results, folder!, "fold_0");

      const checkpoint = join(fold, "checkpoint_final.safetensors");
      await truncate(checkpoint, Math.floor((await readFile(checkpoint)).length / 2));
      const exported = await nnunet("export", "8", "3d_fullres", "-f", "0", "-o", join(scratch, "m.onnx"), ...roots);
      expect(exported.stderr).toContain(`nnunet: ${checkpoint}`);
      expect(exported.code).toBe(3);
      await rm(join(fold, "model.onnx"));
      const args = ["train", "8", "3d_fullres", "0", "--continue", ...tinyTraining, ...roots];
      const continued = await nnunet(...args);
      expect(continued.stderr).toContain(`nnunet: ${checkpoint}`);
      expect(continued.code).toBe(3);
      expect(await everything(scratch)).not.toContain("m.onnx");

      // starting again is always possible
      const again = await nnunet("train", "8", "3d_fullres", "0", "--overwrite", ...tinyTraining, ...roots);
      expect(again.code).toBe(0);
      const model = join(fold, "model.onnx");
      const whole = await readFile(model);
      await writeFile(model, whole.subarray(0, Math.floor(whole.length / 2)));
      const image = join(scratch, "raw", "Dataset008_Made", "imagesTr", "made_0_0000.nii.gz");
      const output = join(scratch, "out.nii.gz");
      const predicted = await nnunet("predict", "-i", image, "-o", output, "-m", model, ...roots);
      expect(predicted.stderr).toContain(`nnunet: ${model}`);
      expect(predicted.code).toBe(3);
      expect(await everything(scratch)).not.toContain("out.nii.gz");

      await writeFile(model, whole);
      expect((await nnunet("predict", "-i", image, "-o", output, "-m", model, ...roots)).code).toBe(0);
      expect((await readImage(output)).shape).toEqual([1, 8, 12, 12]);
    }));
});
