import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { isNnunetError, type NnunetEvent, type Plans, plansFromJson, type RawDataset } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { createPipeline, foldPaths, type Stages, type TrainOptions } from "@nnunet/pipeline";
import { defaultTrainer, type TrainingSettings } from "@nnunet/trainer";
import { decideTraining } from "../src/training/training-start.ts";
import { casesOfFold } from "../src/training/splits.ts";
import { foldersIn, preprocessTiny, tinyJson, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

const tiny: TrainOptions = {
  baseFeatures: 2,
  batchSize: 2,
  settings: { epochs: 2, iterationsPerEpoch: 2, validationIterations: 1 },
  workers: 1,
};

/** SHA-256 of every file below a folder, by its path. */
async function everything(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    found[path] = entry.isFile()
      ? createHash("sha256")
          .update(await readFile(path))
          .digest("hex")
      : "folder";
  }
  return found;
}

const settings = (changed: Partial<TrainingSettings>) => ({ settings: { ...tiny.settings, ...changed } });

const brokenDevice: Partial<Stages> = {
  trainer: {
    ...defaultTrainer,
    name: "on a broken device",
    train: async () => {
      throw new Error("the device is not there");
    },
  },
};

test("a refused training changes nothing on disk and announces nothing; earlier trainings are never deleted", () =>
  withScratch(async (scratch) => {
    const { folders, dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    const { folder, latestCheckpoint } = paths.fold(0);
    const train = (options: TrainOptions) => pipeline.train(dataset, plans, "3d_fullres", 0, { ...tiny, ...options });

    const abort = new AbortController();
    const stopAfterEpoch = (event: NnunetEvent) => event.type === "epoch" && abort.abort();
    await expect(train({ signal: abort.signal, onEvent: stopAfterEpoch })).rejects.toThrow("training: cancelled");
    expect(existsSync(latestCheckpoint)).toBe(true);
    const before = await everything(folders.results);

    const told: NnunetEvent[] = [];
    const onEvent = (event: NnunetEvent) => told.push(event);
    await expect(train({ existing: "continue", ...settings({ epochs: 3 }), onEvent })).rejects.toThrow(
      `${latestCheckpoint}: cannot be continued with \`epochs\` 3: it was begun with 2; give \`epochs\` 2, or \`overwrite\` to start again`,
    );
    await expect(train({ existing: "continue", ...settings({ iterationsPerEpoch: 3 }), onEvent })).rejects.toThrow(
      `${latestCheckpoint}: cannot be continued with \`iterationsPerEpoch\` 3: it was begun with 2; give \`iterationsPerEpoch\` 2, or \`overwrite\` to start again`,
    );
    for (const other of [{ sampling: { foregroundOversampling: 0.5 } }, { baseFeatures: 4 }, { batchSize: 3 }]) {
      await expect(train({ existing: "continue", ...other, onEvent })).rejects.toThrow(
        `${folder}: cannot be continued: it was begun with other data, splits, stages, network sizes, batch size or sampling; give the same options, or \`overwrite\``,
      );
    }
    expect(told).toEqual([]);
    // nor does a new start that fails before its first batch, whatever it was to replace
    const broken = createPipeline(brokenDevice, folders);
    for (const existing of ["overwrite", "update"] as const) {
      const failed = broken.train(dataset, plans, "3d_fullres", 0, {
        ...tiny,
        ...settings({ epochs: 3 }),
        baseFeatures: 4,
        existing,
      });
      await expect(failed).rejects.toThrow("the device is not there");
    }
    expect(await everything(folders.results)).toEqual(before);

    expect((await train({ existing: "continue" })).trained).toBe(true);
    await expect(train({ existing: "continue", ...settings({ epochs: 3 }) })).rejects.toThrow(
      "cannot be continued with `epochs` 3",
    );
    const finished = await everything(folder);
    const longer = await train({ existing: "update", ...settings({ epochs: 3 }), onEvent });
    expect(longer.trained).toBe(true);
    const aside = join(paths.folder, "previous_fold_0_1");
    expect(told).toContainEqual({
      type: "message",
      stage: "train",
      level: "info",
      text: `trained with other data, plan or options, and kept: ${aside}`,
    });
    expect((await train({ existing: "update", ...settings({ epochs: 1 }) })).trained).toBe(true);
    expect(Object.values(await everything(aside))).toEqual(Object.values(finished));
    expect(existsSync(join(paths.folder, "previous_fold_0_2", "model.onnx"))).toBe(true);
    expect((await train({ existing: "update", ...settings({ epochs: 1 }) })).trained).toBe(false);
  }));

test("a fold of another network is refused beside a trained one, or replaces those that are trained with it", () =>
  withScratch(async (scratch) => {
    const { folders, dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    const once = { ...tiny, ...settings({ epochs: 1 }) };
    await pipeline.train(dataset, plans, "3d_fullres", 0, once);
    const before = await everything(folders.results);
    for (const existing of ["refuse", "overwrite", "update"] as const) {
      const other = { ...once, baseFeatures: 4, batchSize: 3, existing };
      await expect(pipeline.train(dataset, plans, "3d_fullres", 1, other)).rejects.toThrow(
        `${paths.folder}: holds fold_0, trained with \`baseFeatures\` 2, not 4 and \`batchSize\` 2, not 3; one plans.json describes all folds of a folder: give \`baseFeatures\` 2 \`batchSize\` 2, or another folder of \`results\``,
      );
    }
    expect(await everything(folders.results)).toEqual(before);

    const featuresOf = async () =>
      plansFromJson(await readJson(paths.plans), "").configurations["3d_fullres"]!.architecture.featuresPerStage[0];
    expect(await featuresOf()).toBe(2);
    const other = { ...once, configurations: ["3d_fullres"], baseFeatures: 4 };
    await expect(pipeline.run(dataset.folder, { ...other, folds: [1] })).rejects.toThrow("holds fold_0, trained with");
    const told: string[] = [];
    const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(event.text);
    const { folds } = await pipeline.run(dataset.folder, { ...other, folds: [1, 0], onEvent });
    expect(folds.map(({ training }) => training.trained)).toEqual([true, true]);
    expect(await featuresOf()).toBe(4);
    const aside = join(paths.folder, "previous_fold_0_1");
    expect(existsSync(join(aside, "model.onnx"))).toBe(true);
    expect(told).toContain(`trained with other data, plan or options, and kept: ${aside}`);
    // alone in its folder, a fold may change
    await rm(paths.fold(0).folder, { recursive: true });
    await pipeline.train(dataset, plans, "3d_fullres", 1, { ...once, baseFeatures: 3, existing: "overwrite" });
    expect(await featuresOf()).toBe(3);
    expect((await readdir(paths.folder)).filter((name) => name.startsWith("previous"))).toEqual(["previous_fold_0_1"]);
  }));

test("a fold that was stopped while it noted what it is made from is begun anew, and nothing is kept of it", () =>
  withScratch(async (scratch) => {
    const paths = foldPaths(join(scratch, "fold_0"));
    const settings = defaultTrainer.completeSettings({});
    const hashes = { network: "a", training: "b" };
    await mkdir(paths.folder);
    for (const left of [".made_from.json.lock", "made_from.json", ".made_from.json.1.tmp"]) {
      await writeFile(join(paths.folder, left), "");
      expect(await decideTraining(paths, { hashes, settings, madeBy: {} }, "update")).toEqual({
        kind: "afresh",
        before: "remove",
      });
    }
    await writeFile(join(paths.folder, "notes.txt"), "");
    expect(await decideTraining(paths, { hashes, settings, madeBy: {} }, "update")).toEqual({
      kind: "afresh",
      before: "set aside",
    });
  }));

test("a validation that was stopped is gone on with, and never mixed with another model's", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    const abort = new AbortController();
    const train = (options: TrainOptions) =>
      pipeline.train(dataset, plans, "3d_fullres", 0, { ...tiny, ...settings({ epochs: 1 }), ...options });
    const onEvent = (event: NnunetEvent) =>
      event.type === "progress" && event.stage === "predict" && event.done === 1 && abort.abort();
    await expect(train({ signal: abort.signal, onEvent })).rejects.toThrow("prediction: cancelled");
    const { validation } = paths.fold(0);
    const [first, ...more] = (await readdir(validation)).filter((name) => name !== "made_from.json");
    expect(more).toEqual([]);
    const { mtimeMs } = await stat(join(validation, first!));
    const { trained, validation: summary } = await train({ existing: "continue" });
    expect(trained).toBe(false);
    expect(summary.cases).toHaveLength(2);
    expect((await stat(join(validation, first!))).mtimeMs).toBe(mtimeMs);

    // as if these files were another model's
    const { madeFrom } = paths.fold(0);
    const made = (await readJson(madeFrom)) as object;
    await writeJsonAtomic(madeFrom, { ...made, validation: "other" });
    const beside = join(validation, "made_from.json");
    const { predictions } = (await readJson(beside)) as { predictions: Record<string, object> };
    const others = Object.entries(predictions).map(([name, entry]) => [name, { ...entry, inputs: "other" }]);
    await writeJsonAtomic(beside, { predictions: Object.fromEntries(others) });
    await train({ existing: "continue" });
    expect((await stat(join(validation, first!))).mtimeMs).not.toBe(mtimeMs);
  }));

test("an upgrade of nnunet-ts neither replaces a plan nor a training", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const folder = await writeTinyDataset(folders.raw);
    const runWith = async (version: string) => {
      jest.resetModules();
      jest.unstable_mockModule("../src/software-version.ts", () => ({ softwareVersion: version }));
      const { createPipeline: create } = await import("@nnunet/pipeline");
      const options = { ...tiny, ...settings({ epochs: 1 }), configurations: ["3d_fullres"], folds: [0] };
      return create({}, folders).run(folder, options);
    };
    const first = await runWith("1.0.0");
    expect(first.folds[0]!.training.trained).toBe(true);
    const again = await runWith("2.0.0");
    expect(again.folds[0]!.training.trained).toBe(false);
    const plans: Plans = plansFromJson(await readJson(again.plansPath), again.plansPath);
    expect(plans.plansName).toBe("nnUNetPaperPlans");
  }));

test("too few cases for a fold: a sentence that names the dataset, and no wrong command line", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const ids = ["a", "b", "c"];
    const dataset: RawDataset = {
      id: 9,
      name: "Dataset009_Few",
      folder: join(folders.raw, "Dataset009_Few"),
      json: tinyJson(3),
      trainingCases: ids.map((id) => ({ id, images: [`${id}.nii.gz`] })),
      testCases: [],
    };
    const failed = await casesOfFold(folders, dataset, 2).catch((error: unknown) => error);
    expect((failed as Error).message).toBe(
      `${dataset.folder}: Dataset009_Few has 3 training cases, and the five folds of a cross-validation need at least 5; train fold "all", or add cases; or train several networks on all of them, as the paper did on three, with \`seeds\` 5`,
    );
    expect(isNnunetError(failed, "FILE")).toBe(true);
    expect(await casesOfFold(folders, dataset, "all")).toMatchObject({ split: { train: ids, val: ids } });
  }));

test("killed between its first two checkpoints a training goes on from the one that is there, and nothing is set aside", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    const { folder, model, latestCheckpoint, bestCheckpoint } = paths.fold(0);
    const train = (options: TrainOptions = {}) =>
      pipeline.train(dataset, plans, "3d_fullres", 0, { ...tiny, existing: "update", ...options });
    await train();
    const whole = await readFile(model);
    await rm(paths.folder, { recursive: true });

    const abort = new AbortController();
    const stopAfterEpoch = (event: NnunetEvent) => event.type === "epoch" && abort.abort();
    await expect(train({ signal: abort.signal, onEvent: stopAfterEpoch })).rejects.toThrow("training: cancelled");
    // as it is there before checkpoint_latest is renamed, in whose place lies what was to become it
    await rm(latestCheckpoint);
    await rm(join(folder, "training_log.ndjson"));
    await writeFile(`${latestCheckpoint}.1.tmp`, "half");
    expect(existsSync(bestCheckpoint)).toBe(true);
    const told: string[] = [];
    const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(event.text);
    await train({ onEvent });
    expect(told.find((text) => text.startsWith("training from"))).toMatch(/^training from epoch 1 /);
    expect((await readdir(paths.folder)).filter((name) => name.startsWith("previous"))).toEqual([]);
    expect((await readFile(model)).equals(whole)).toBe(true);
    const log = (await readFile(join(folder, "training_log.ndjson"), "utf8")).trim().split("\n");
    expect(log.map((line) => (JSON.parse(line) as { readonly epoch: number }).epoch)).toEqual([0, 1]);
  }));
