import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { importModel, type ZipEntry, zipChunks } from "@nnunet/interop";
import { readImage } from "@nnunet/io";
import { createPipeline, importForeign, loadPredictor } from "@nnunet/pipeline";

// Other test files may use the cores at the same time.
jest.setTimeout(240_000);

/** A folder in the layout of TotalSegmentator's weights, and what nnU-Net predicts: tools/fixtures/interop/totalsegmentator.py. */
const weights = new URL("../../interop/tests/fixtures/totalsegmentator/", import.meta.url).pathname;
const name = "Dataset291_TotalSegmentator_part1_organs_1559subj";
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-total-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("TotalSegmentator's folder of a task is its model: 25 classes, CT at 1.5 mm, never mirrored", async () => {
  const { metadata, warnings } = await importModel(join(weights, name), { softwareVersion: "0" });
  const { plans, dataset, configuration, mirrorAxes, folds, origin } = metadata;
  expect([configuration, folds, mirrorAxes, warnings]).toEqual(["3d_fullres", [0], [], []]);
  expect(plans.configurations[configuration]).toMatchObject({ spacing: [1.5, 1.5, 1.5], normalizationSchemes: ["CT"] });
  expect([plans.datasetName, origin.trainer]).toEqual([name, "nnUNetTrainerNoMirroring"]);
  expect([dataset.channelNames, dataset.labels["kidney_cyst_right"]]).toEqual([["CT"], 24]);
});

test("images in RAS, LPS and with exchanged axes are turned as nnU-Net turns them: every voxel, on the grid of the image", async () => {
  const output = join(folder, "predicted");
  const predictor = await loadPredictor(join(weights, name));
  try {
    await createPipeline().predict(predictor, join(weights, "images"), output, { saveProbabilities: true });
  } finally {
    await predictor.dispose();
  }
  for (const orientation of ["ras", "lps", "pir"]) {
    const [ours, theirs, image, kept] = await Promise.all(
      [
        join(output, `${orientation}.nii.gz`),
        join(weights, "expected", `${orientation}.nii.gz`),
        join(weights, "images", `${orientation}_0000.nii.gz`),
        join(output, `${orientation}_probabilities.nii.gz`),
      ].map((path) => readImage(path)),
    );
    expect([...theirs!.data].some((label) => label > 0)).toBe(true);
    expect([...ours!.data].filter((label, i) => label !== theirs!.data[i])).toEqual([]);
    for (const key of ["spacing", "origin", "direction"] as const) {
      expect(ours!.geometry[key]).toEqual(image!.geometry[key]);
    }
    // the probabilities lie as the segmentation does
    const voxels = ours!.data.length;
    const best = Array.from({ length: voxels }, (_, voxel) => {
      const values = Array.from({ length: 25 }, (__, label) => kept!.data[label * voxels + voxel]!);
      return values.indexOf(Math.max(...values));
    });
    expect([...ours!.data].filter((label, voxel) => label !== best[voxel])).toEqual([]);
  }
});

test("its zip as it is downloaded is imported without unpacking", async () => {
  const files = readdirSync(join(weights, name), { recursive: true, encoding: "utf8" });
  const entries: ZipEntry[] = files
    .filter((file) => /\.\w+$/.test(file))
    .map((file) => ({ name: `${name}/${file}`, content: readFileSync(join(weights, name, file)) }));
  const zip = join(folder, `${name}.zip`);
  writeFileSync(zip, Buffer.concat([...zipChunks(entries)]));
  const { metadata } = await importForeign(zip, join(folder, "total.onnx"));
  expect(metadata.plans.datasetName).toBe(name);
});
