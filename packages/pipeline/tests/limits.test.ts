import { readdir, rm } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type NnunetEvent, type Shape3, type Spacing } from "@nnunet/core";
import { freeMemory } from "@nnunet/core/node";
import { loadModel, predictImage } from "@nnunet/inference";
import { openDataset, writeImage } from "@nnunet/io";
import { createTrainer, engines } from "@nnunet/trainer";
import { createPipeline, predictorOf } from "@nnunet/pipeline";
import { preprocessCase } from "@nnunet/preprocess";
import { pointwise, tinyMetadata, tinyModelBytes } from "../../inference/tests/tiny-model.ts";
import { foldersIn, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

jest.setTimeout(120_000);

const metadata = tinyMetadata([8, 16, 16]);
const threshold = pointwise([[0], [9], [0]], [0, -18, -99], 3);
const model = await loadModel(tinyModelBytes(metadata, threshold, 3), { threads: 1 });

function image(shape: Shape3, spacing: Spacing) {
  const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => 1 + (i % 5));
  return createVolume(data, [1, ...shape], axisAlignedGeometry(spacing));
}

const coarse = image([10, 12, 14], [60, 60, 60]);
const numbers = "(14 × 12 × 10 voxels of 60 × 60 × 60 mm, resampled to 840 × 720 × 600,";

test("what is free is known, control groups included", () => {
  expect(freeMemory()).toBeGreaterThan(0);
  expect(freeMemory()).toBeLessThanOrEqual(totalmem());
});

test("predictFiles refuses a spacing far too coarse from the header, and writes nothing", () =>
  withScratch(async (folder) => {
    const input = join(folder, "coarse.nii.gz");
    await writeImage(input, coarse);
    const predict = (limits: object) =>
      createPipeline({}, foldersIn(folder)).predict(
        predictorOf([{ models: [model] }]),
        input,
        join(folder, "out"),
        limits,
      );
    await expect(predict({ maxMemoryGb: 0.2 })).rejects.toThrow(
      new RegExp(
        `^predict, case coarse: predicting it ${numbers.replace(/[()]/g, "\\$&")} [\\d,]+ patches\\) needs about [\\d.]+ GB of memory, but the limit is 0.20 GB; check the spacing in its header`,
      ),
    );
    await expect(predict({ maxMemoryGb: 1000 })).rejects.toThrow(
      /needs too many patches, but the limit is 100,000; .* or allow more with `maxPatches` \d+$/,
    );
    await expect(predict({ maxMemoryGb: 1000, maxPatches: 7 })).rejects.toMatchObject({ cause: { code: "LIMIT" } });
    expect(await readdir(folder)).toEqual(["coarse.nii.gz"]);
  }));

test("what is merely far from the training images is told with its numbers", () =>
  withScratch(async (folder) => {
    await writeImage(join(folder, "far.nii.gz"), image([6, 8, 8], [4, 4, 4]));
    const events: NnunetEvent[] = [];
    await createPipeline({}, foldersIn(folder)).predict(
      predictorOf([{ models: [model] }]),
      join(folder, "far.nii.gz"),
      join(folder, "o.nii.gz"),
      {
        mirroring: false,
        onEvent: (event) => events.push(event),
      },
    );
    const warnings = events.flatMap((event) =>
      event.type === "message" && event.level === "warning" ? [event.text] : [],
    );
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      "case far is far from what the model was trained on: its spacing is 4 × 4 × 4 mm, that of the training images 1 × 1 × 1",
    );
    expect(warnings[0]).toContain("resampled to 32 × 32 × 24 voxels, 45 patches, a minute or less");
  }));

test("of an ensemble a case is told once, with the patches of all members", () =>
  withScratch(async (folder) => {
    await writeImage(join(folder, "far.nii.gz"), image([6, 8, 8], [4, 4, 4]));
    const texts: string[] = [];
    await createPipeline({}, foldersIn(folder)).predict(
      predictorOf([{ models: [model] }, { models: [model] }]),
      join(folder, "far.nii.gz"),
      join(folder, "o.nii.gz"),
      {
        mirroring: false,
        stepFraction: 1,
        onEvent(event) {
          if (event.type === "message") texts.push(event.text);
          if (event.type === "stage-start") texts.push(event.detail ?? "");
        },
      },
    );
    const told = texts.filter((text) => text.includes("far from what the model was trained on"));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/\(x × y × z\); resampled to 32 × 32 × 24 voxels, 24 patches, a minute or less$/);
    expect(texts.filter((text) => text.startsWith("1 case"))).toEqual([
      expect.stringMatching(/^1 case: at most [\d.]+ GB of memory, a minute or less$/),
    ]);
    expect(texts.at(-1)).toMatch(
      /^took [\d.]+ GB of memory at the peak and a minute or less; at most [\d.]+ GB and a minute or less had been expected$/,
    );
  }));

test("predictImage and preprocessCase take the same limits", async () => {
  const loaded = { id: "c", image: coarse };
  await expect(predictImage([model], loaded, { maxMemoryGb: 1 })).rejects.toMatchObject({ code: "LIMIT" });
  expect(() =>
    preprocessCase(loaded, metadata.plans, metadata.configuration, metadata.dataset, { maxMemoryGb: 1 }),
  ).toThrow(
    /^preprocessing case c \(resampled to 840 × 720 × 600 voxels\) needs about 8\.71 GB of memory, but the limit is 1\.00 GB; use a coarser configuration, or allow more with `maxMemoryGb` 8\.8$/,
  );
});

test("fingerprint, preprocess and train refuse beforehand what is beyond the limit", () =>
  withScratch(async (folder) => {
    const dataset = await openDataset(await writeTinyDataset(foldersIn(folder).raw));
    const pipeline = createPipeline({}, foldersIn(folder));
    const tiny = { maxMemoryGb: 1e-6 };
    await expect(pipeline.fingerprint(dataset, tiny)).rejects.toMatchObject({ code: "LIMIT" });
    await pipeline.fingerprint(dataset);
    const { plans } = await pipeline.plan(dataset);
    const name = Object.keys(plans.configurations)[0]!;
    await expect(pipeline.preprocess(dataset, plans, [name], tiny)).rejects.toMatchObject({ code: "LIMIT" });
    const huge = {
      ...plans,
      configurations: {
        [name]: { ...plans.configurations[name]!, patchSize: plans.configurations[name]!.patchSize.map(() => 4096) },
      },
    };
    await expect(pipeline.train(dataset, huge, name, "all", { maxMemoryGb: 20 })).rejects.toThrow(
      /^training \S+ \(patch 4096 × 4096[ ×\d]*, batch \d+\) needs about [\d.]+ GB of memory, but the limit is 20\.0 GB; plan with a smaller `gpuMemoryGb`/,
    );
    // where the engine that is chosen sees a GPU, the machine's memory is not what counts
    const onGpu = { ...engines.ort, lookForGpu: async () => ({ gpu: true, why: "a GPU is seen" }) };
    const trainer = createTrainer({ name: "on a GPU", engines: { ...engines, ort: onGpu } });
    const other = createPipeline({ trainer }, foldersIn(folder));
    const training = (settings: { readonly engine: string }) =>
      other.train(dataset, huge, name, "all", { maxMemoryGb: 20, settings });
    await expect(training({ engine: "auto" })).rejects.toThrow("is not preprocessed");
    await expect(training({ engine: "tfjs" })).rejects.toMatchObject({ code: "LIMIT" });
    await rm(folder, { recursive: true });
  }));
