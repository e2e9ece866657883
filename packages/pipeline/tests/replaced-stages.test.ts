import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, jest, test } from "@jest/globals";
import { augmentationParameters } from "@nnunet/augment";
import type { NnunetEvent, Stage } from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { createPipeline, defaultStages, type Folders, type RunOptions, type Stages } from "@nnunet/pipeline";
import { foldersIn, tinyRun, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// A dozen short trainings, beside other test files on the same cores.
jest.setTimeout(400_000);

/** The steps that a run does anew, in its own words. */
async function redone(stages: Partial<Stages>, folders: Folders, options: RunOptions = {}): Promise<string[]> {
  const steps: string[] = [];
  const onEvent = (event: NnunetEvent) => {
    if (event.type === "stage-start" && ["train", "predict"].includes(event.stage)) steps.push(event.stage);
    if (event.type !== "stage-end") return;
    const { stage, detail = "" } = event;
    if (["fingerprint", "plan"].includes(stage) && detail !== "up to date") steps.push(stage);
    if (stage === "preprocess" && !detail.startsWith("0 made")) steps.push(stage);
  };
  await createPipeline(stages, folders).run("7", { ...tinyRun, ...options, onEvent });
  return steps;
}

/** A stage that does what it would do beside the other stages, under another name; counts its calls. */
function renamed<K extends keyof Stages>(key: K, method: string, version?: string, beside: Partial<Stages> = {}) {
  const calls = { count: 0 };
  const standard = createPipeline(beside).stages[key] as Stages[K] & Record<string, (...args: unknown[]) => unknown>;
  const stage = {
    ...standard,
    name: `my ${key}`,
    ...(version === undefined ? {} : { version }),
    [method]: (...args: unknown[]) => {
      calls.count++;
      return standard[method]!(...args);
    },
  };
  return { stages: { [key]: stage } as Partial<Stages>, calls };
}

test("run redoes what a replaced stage touches, and nothing else", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    await writeTinyDataset(folders.raw);
    const everything = ["fingerprint", "plan", "preprocess", "train", "predict", "predict"];
    expect(await redone({}, folders)).toEqual(everything);
    expect(await redone({}, folders)).toEqual([]);

    const touched: [keyof Stages, string, string[]][] = [
      ["fingerprintExtractor", "combine", ["fingerprint", "plan"]],
      ["planner", "plan", ["plan"]],
      ["preprocessor", "preprocessCase", ["preprocess", "train", "predict", "predict"]],
      ["batchSampler", "createBatchSource", ["train", "predict", "predict"]],
      ["trainer", "train", ["train", "predict", "predict"]],
      ["predictor", "predictImage", ["predict", "predict"]],
      ["evaluator", "caseMetrics", []], // scores alone
    ];
    let stages: Partial<Stages> = {};
    for (const [key, method, steps] of touched) {
      const mine = renamed(key, method, undefined, stages);
      stages = { ...stages, ...mine.stages };
      // the same seed, so the trained weights, and what is predicted with them, may come out the same: then it is kept
      const done = await redone(stages, folders);
      expect([key, done.filter((step) => step !== "predict")]).toEqual([key, steps.filter((s) => s !== "predict")]);
      expect([key, mine.calls.count > 0]).toEqual([key, true]);
      if (key === "predictor") expect(done).toEqual(steps);
      expect([key, await redone(stages, folders)]).toEqual([key, []]);
    }
    const another = renamed("preprocessor", "preprocessCase", "2").stages;
    const { predictor } = createPipeline(another).stages;
    expect(await redone({ ...stages, ...another, predictor }, folders)).toContain("preprocess");

    const results = join(folders.results, "Dataset007_Tiny", "nnUNetTrainer__nnUNetPaperPlans__3d_fullres");
    const fingerprint = join(folders.preprocessed, "Dataset007_Tiny", "dataset_fingerprint.json");
    expect(await readJson(fingerprint)).toMatchObject({ extractor: "my fingerprintExtractor" });
    expect(await readJson(join(results, "plans.json"))).toMatchObject({ experiment_planner_used: "my planner" });
    expect(await readJson(join(results, "fold_0", "made_from.json"))).toMatchObject({
      stages: { preprocessor: "my preprocessor 2", batchSampler: "my batchSampler", trainer: "my trainer" },
    });
    expect(await readJson(join(results, "fold_0", "validation", "summary.json"))).toMatchObject({
      evaluator: "my evaluator",
    });
  }));

test("a setting of the training or of the sampling that changes trains anew", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    await writeTinyDataset(folders.raw);
    await redone({}, folders);
    const settings = { ...tinyRun.settings, loss: "dice" };
    expect(await redone({}, folders, { settings })).toContain("train");
    const sampling = { augmentation: augmentationParameters.none };
    expect(await redone({}, folders, { settings, sampling })).toContain("train");
    expect(await redone({}, folders, { settings, sampling })).toEqual([]);
  }));

test("a stage with a module runs in the workers, and gives what it gives in the main thread", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    await writeTinyDataset(folders.raw);
    const path = join(scratch, "preprocessor.mjs");
    const text = (name: string) => `import { isMainThread } from "node:worker_threads";
      export default {
        name: ${JSON.stringify(name)},
        preprocessCase(loaded, plans, configuration, dataset) {
          if (isMainThread) throw new Error("this is the main thread");
          const voxels = loaded.image.shape.slice(1);
          return {
            data: new Float32Array(loaded.image.data.length).fill(7),
            shape: loaded.image.shape,
            seg: loaded.label.data,
            properties: {
              id: loaded.id, geometry: loaded.image.geometry, originalShape: voxels, transposeForward: [0, 1, 2],
              shapeBeforeCropping: voxels, cropBox: voxels.map((n) => [0, n]), shapeAfterCropping: voxels,
              spacingAfterTranspose: [2, 1, 1], spacingAfterResampling: [2, 1, 1],
              classLocations: { 1: Int32Array.of(loaded.label.data.indexOf(1)) },
            },
          };
        },
      };`;
    await writeFile(path, text("sevens"));
    const preprocessCase = () => {
      throw new Error("the module is to do it");
    };
    const stage = { name: "sevens", module: pathToFileURL(path).href, preprocessCase };
    const pipeline = createPipeline({ preprocessor: stage }, folders);
    const { openDataset } = await import("@nnunet/io");
    const dataset = await openDataset(join(folders.raw, "Dataset007_Tiny"));
    await pipeline.fingerprint(dataset);
    const { plans } = await pipeline.plan(dataset);
    const [result] = await pipeline.preprocess(dataset, plans, ["3d_fullres"], { workers: 2 });
    expect(result).toMatchObject({ made: 6 });

    const elsewhere = createPipeline({ preprocessor: { ...stage, name: "eights" } }, folders);
    await expect(elsewhere.preprocess(dataset, plans, ["3d_fullres"])).rejects.toThrow(
      /preprocessor\.mjs: expected the stage eights as its default export, got sevens$/,
    );
    const missing = createPipeline(
      { preprocessor: { ...stage, module: pathToFileURL(join(scratch, "no.mjs")).href } },
      folders,
    );
    await expect(missing.preprocess(dataset, plans, ["2d"])).rejects.toThrow(
      /no\.mjs: the module of the stage sevens cannot be imported: /,
    );
  }));

test("a stage that runs in the main thread says so", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    await writeTinyDataset(folders.raw, { name: "Dataset007_Tiny", prefix: "tiny", trainingCases: 5, testCases: 0 });
    const { openDataset } = await import("@nnunet/io");
    const dataset = await openDataset(join(folders.raw, "Dataset007_Tiny"));
    const told: NnunetEvent[] = [];
    const { stages } = renamed("fingerprintExtractor", "measureCase");
    await createPipeline(stages, folders).fingerprint(dataset, { onEvent: (event) => told.push(event) });
    expect(told).toContainEqual({
      type: "message",
      stage: "fingerprint",
      level: "info",
      text: "my fingerprintExtractor runs in the main thread, one case or batch at a time; a stage with a module runs in worker threads",
    });
  }));

test.each(Object.keys(defaultStages) as (keyof Stages)[])(
  "a replaced %s that keeps the default's name is refused",
  (key) => {
    const same: Stage = { ...defaultStages[key] };
    expect(() => createPipeline({ [key]: same })).toThrow(
      `stages.${key}.name: expected a name of its own, not the default stage's, got "default"`,
    );
    expect(() => createPipeline({ [key]: { ...same, name: "" } })).toThrow('got ""');
  },
);

test("a stage that does not exist is refused with those that do", () => {
  expect(() => createPipeline({ augmentor: {} } as Partial<Stages>)).toThrow(
    'stages: expected some of fingerprintExtractor, planner, preprocessor, batchSampler, network, trainer, predictor, evaluator, postprocessor, augmentation, loss, got "augmentor"',
  );
});
