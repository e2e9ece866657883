import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { tinyTraining, writeMadeDataset } from "./made-dataset.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

// Other test files may use the cores at the same time.
jest.setTimeout(240_000);

test("predict refuses an impossible output before it reads a model, with 3", () =>
  withScratch(async (scratch) => {
    const dataset = await writeMadeDataset(join(scratch, "raw"));
    const image = join(dataset, "imagesTr", "made_0_0000.nii.gz");
    const model = join(scratch, "no-model.onnx");
    await writeFile(model, "this is no model");
    for (const [output, words] of [
      ["o.xyz", "writing o.xyz (.xyz) is not supported"],
      ["o.jpg", "writing o.jpg (.jpg) is not supported"],
      ["o.png", `writing the 8 slices of ${image} as o.png is not supported; use .nii.gz`],
    ] as const) {
      const { code, stderr } = await nnunet("predict", "-i", image, "-o", output, "-m", model);
      expect(stderr).toContain(`nnunet: ${words}`);
      expect(code).toBe(3);
    }
    const both = await nnunet("predict", "-i", image, "-o", "out", "-m", model, "--continue", "--overwrite");
    expect(both.stderr).toContain("--continue: expected one of --continue and --overwrite");
    expect(both.code).toBe(2);
  }));

test("a fold of a dataset with too few cases ends with 3 and names the dataset", () =>
  withScratch(async (scratch, roots) => {
    const dataset = await writeMadeDataset(join(scratch, "raw"));
    for (const folder of ["imagesTr/made_4_0000.nii.gz", "labelsTr/made_4.nii.gz"]) await rm(join(dataset, folder));
    const { readJson, writeJsonAtomic } = await import("@nnunet/core/node");
    const json = (await readJson(join(dataset, "dataset.json"))) as object;
    await writeJsonAtomic(join(dataset, "dataset.json"), { ...json, numTraining: 4 });
    const { code, stderr } = await nnunet("run", "8", "-f", "0", ...tinyTraining, ...roots);
    expect(stderr).toContain(
      `nnunet: ${dataset}: Dataset008_Made has 4 training cases, and the five folds of a cross-validation need at least 5; train fold "all", or add cases`,
    );
    expect(code).toBe(3);
  }));
