import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { RawDataset } from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { readImage } from "@nnunet/io";
import { importModel, readV2Probabilities, v2Placement } from "@nnunet/interop";
import {
  createPipeline,
  exportForV2,
  loadPredictor,
  modelFolderPaths,
  type Pipeline,
  resultsPaths,
} from "@nnunet/pipeline";
import { foldersIn, tinyTraining, writeTinyDataset } from "./tiny-dataset.ts";
import { openDataset } from "@nnunet/io";

jest.setTimeout(240_000);

let scratch: string;
let pipeline: Pipeline;
let dataset: RawDataset;
let model: ReturnType<typeof resultsPaths>;
let planned: readonly number[];

/** A fold of a reduced network by nnU-Net v2's rules, with the probabilities of its validation cases. */
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-for-v2-"));
  const folders = foldersIn(scratch);
  dataset = await openDataset(await writeTinyDataset(folders.raw));
  pipeline = createPipeline({}, folders);
  await pipeline.fingerprint(dataset);
  const { plans } = await pipeline.plan(dataset, { ruleSet: "v2" });
  planned = plans.configurations["3d_fullres"]!.architecture.featuresPerStage;
  await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
  model = resultsPaths(folders, dataset.name, plans.plansName, "3d_fullres");
  await pipeline.train(dataset, plans, "3d_fullres", 0, { ...tinyTraining, probabilities: true });
  await pipeline.train(dataset, plans, "3d_fullres", 1, tinyTraining);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

test("the plan of a reduced network's folder is that of the network that was trained, under the full plan's name, and is exported so", async () => {
  const output = join(scratch, "reduced");
  await exportForV2(model.folder, "3d_fullres", [0], output);
  const { plans_name, configurations } = (await readJson(join(output, "plans.json"))) as {
    plans_name: string;
    configurations: Record<string, { architecture: { arch_kwargs: { features_per_stage: number[] } } }>;
  };
  const { features_per_stage } = configurations["3d_fullres"]!.architecture.arch_kwargs;
  expect(plans_name).toBe("nnUNetPlans");
  expect([features_per_stage[0], planned[0]]).toEqual([2, 32]);
  // v2 builds the network of this plan, and so do we
  const { graph } = await importModel(output, { softwareVersion: "0" });
  expect(graph.parameters.find(({ name }) => name === "encoder.stages.0.0.convs.0.conv.weight")!.shape[0]).toBe(2);
});

test("an exported model gives the voxels of the trained one", async () => {
  const output = join(scratch, "same");
  await exportForV2(model.folder, "3d_fullres", [0, 1], output);
  const segmented = async (path: string, name: string) => {
    const predictor = await loadPredictor(path);
    try {
      await pipeline.predict(predictor, join(dataset.folder, "imagesTs"), join(scratch, name));
    } finally {
      await predictor.dispose();
    }
    return (await readImage(join(scratch, name, "tiny_6.nii.gz"))).data;
  };
  expect(await segmented(output, "by-export")).toEqual(await segmented(model.folder, "by-training"));
});

test("the validation goes along only where it is asked for: no case is named in a folder that is given away", async () => {
  const output = join(scratch, "unnamed");
  await exportForV2(model.folder, "3d_fullres", [0], output);
  expect((await readdir(output, { recursive: true })).sort()).toEqual([
    "dataset.json",
    "dataset_fingerprint.json",
    "fold_0",
    "fold_0/checkpoint_final.pth",
    "plans.json",
  ]);
});

test("the validation has segmentations, summary.json, and what was kept of probabilities as v2 stores them", async () => {
  const output = join(scratch, "validated");
  const written = await exportForV2(model.folder, "3d_fullres", [0, 1], output, { validation: true });
  const [first, second] = [0, 1].map((fold) => modelFolderPaths(output).fold(fold).validation);
  const names = await readdir(first!);
  const ids = names.filter((name) => name.endsWith(".npz")).map((name) => name.replace(".npz", ""));
  expect(ids.length).toBeGreaterThan(0);
  expect(names.sort()).toEqual(
    [...ids.flatMap((id) => [`${id}.nii.gz`, `${id}.npz`, `${id}.pkl`]), "summary.json"].sort(),
  );
  expect((await readdir(second!)).some((name) => name.endsWith(".npz"))).toBe(false);
  for (const id of ids) {
    const path = join(first!, `${id}.npz`);
    expect(written).toContain(path);
    const { data, shape } = await readV2Probabilities(path);
    const segmentation = await readImage(join(first!, `${id}.nii.gz`));
    const voxels = segmentation.data.length;
    expect(shape).toEqual([3, ...segmentation.shape.slice(1)]);
    for (let voxel = 0; voxel < voxels; voxel++) {
      const values = [0, 1, 2].map((label) => data[label * voxels + voxel]!);
      expect(values[segmentation.data[voxel]!]!).toBe(Math.max(...values));
    }
    expect((await v2Placement(join(first!, `${id}.pkl`))).spacing).toEqual(segmentation.geometry.spacing);
  }
});
