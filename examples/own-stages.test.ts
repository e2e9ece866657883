import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { augmentationConformance } from "@nnunet/augment";
import { findConfiguration, modelMetadataFromOnnx, type Plans, type RawDataset } from "@nnunet/core";
import { readJson, readRegularFile } from "@nnunet/core/node";
import { createPipeline, type Folders, resultsPaths } from "@nnunet/pipeline";
import { plannerConformance } from "@nnunet/planner";
import { lossConformance, readCheckpoint } from "@nnunet/trainer";
import { networkConformance } from "@nnunet/unet-model";
import { nnunet } from "../packages/cli/tests/run-nnunet.ts";
import { preprocessTiny, tinyTraining, withScratch } from "../packages/pipeline/tests/tiny-dataset.ts";
import augmentation from "./own-augmentation.config.ts";
import loss from "./own-loss.config.ts";
import network from "./own-network.config.ts";
import planner from "./own-planner.config.ts";

jest.setTimeout(300_000);

let dataset: RawDataset;
let plans: Plans;
let folders: Folders;
let end = () => {};
beforeAll(
  () =>
    new Promise<void>((ready, fail) => {
      withScratch(async (scratch) => {
        ({ dataset, plans, folders } = await preprocessTiny(scratch));
        ready();
        await new Promise<void>((resolve) => {
          end = resolve;
        });
      }).catch(fail);
    }),
);
afterAll(() => end());

const size = ["--base-features", "2", "--batch-size", "2", "--epochs", "1", "--iterations-per-epoch", "2"];

/** One command over the tiny dataset, with an example as its config. */
async function command(example: string, ...args: string[]) {
  const config = fileURLToPath(new URL(`./${example}.config.ts`, import.meta.url));
  const { raw, preprocessed, results } = folders;
  const roots = ["--raw", raw, "--preprocessed", preprocessed, "--results", results];
  const { code, stderr } = await nnunet(...args, "--config", config, ...roots);
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  return stderr;
}

const foldPaths = () => resultsPaths(folders, dataset.name, plans.plansName, "3d_fullres").fold(0);
const trained = async () => (await readCheckpoint(foldPaths().checkpoint)).stages;

test("own-augmentation.config.ts keeps to what every augmentation must, and trains by the command line and in code", async () => {
  expect(augmentationConformance(augmentation.augmentation!)).toEqual([]);
  const told = await command("own-augmentation", "train", "7", "3d_fullres", "0", ...size, "--overwrite");
  expect(told).toContain("config: replaces batchSampler stripes");
  expect(told).not.toContain("main thread");
  expect(await trained()).toMatchObject({ batchSampler: expect.stringMatching(/^stripes \(sha256 /) });
  const options = { ...tinyTraining, existing: "overwrite" } as const;
  await createPipeline(augmentation, folders).train(dataset, plans, "3d_fullres", 0, options);
  expect(await trained()).toMatchObject({ batchSampler: "stripes" });
});

test("own-loss.config.ts keeps to what every loss must, and trains by the command line and in code", async () => {
  expect(await lossConformance(loss.loss!.create)).toEqual([]);
  await command("own-loss", "train", "7", "3d_fullres", "0", ...size, "--overwrite");
  expect((await readCheckpoint(foldPaths().checkpoint)).settings.loss).toBe("brier");
  const options = { ...tinyTraining, existing: "overwrite" } as const;
  await createPipeline(loss, folders).train(dataset, plans, "3d_fullres", 0, options);
  expect(await trained()).toMatchObject({ trainer: "default with loss brier" });
});

test("own-network.config.ts keeps to what every network must; its model needs no config to be exported and to predict", async () => {
  const { architecture, patchSize } = findConfiguration(plans, "3d_fullres");
  const shape = { inputChannels: 1, outputChannels: 3, patchSize };
  expect(networkConformance(network.network!, architecture, shape)).toEqual([]);
  await command("own-network", "train", "7", "3d_fullres", "0", ...size, "--overwrite");
  const { model } = foldPaths();
  expect(modelMetadataFromOnnx(await readRegularFile(model), model).stages).toEqual({
    network: expect.stringMatching(/^added-skip \(sha256 /),
  });
  const { results, raw, preprocessed } = folders;
  const output = join(results, "given.onnx");
  const roots = ["--raw", raw, "--preprocessed", preprocessed, "--results", results];
  expect(await nnunet("export", "7", "3d_fullres", "-f", "0", "-o", output, ...roots)).toMatchObject({ code: 0 });
  const images = join(dataset.folder, "imagesTs");
  expect(await nnunet("predict", "-i", images, "-o", join(results, "out"), "-m", output, ...roots)).toMatchObject({
    code: 0,
  });
  const options = { ...tinyTraining, existing: "overwrite" } as const;
  await createPipeline(network, folders).train(dataset, plans, "3d_fullres", 0, options);
  expect(await trained()).toMatchObject({ network: "added-skip" });
});

test("own-planner.config.ts keeps to what every planner must, and plans by the command line and in code", async () => {
  await command("own-planner", "plan", "7");
  const path = join(folders.preprocessed, dataset.name, "nnUNetBatchNormPlans.json");
  expect(await readJson(path)).toMatchObject({
    experiment_planner_used: expect.stringMatching(/^batch-norm-4 \(sha256 /),
  });
  const inCode = await createPipeline(planner, folders).plan(dataset);
  expect(inCode.plans.configurations["3d_fullres"]).toMatchObject({ batchSize: 4, architecture: { norm: "batch" } });
  const { fingerprintFromJson } = await import("@nnunet/core");
  const file = join(folders.preprocessed, dataset.name, "dataset_fingerprint.json");
  const fingerprint = fingerprintFromJson(await readJson(file), file);
  expect(plannerConformance(planner.planner!, fingerprint, dataset.json)).toEqual([]);
});
