import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { datasetToJson, modelMetadataFromOnnx, type NnunetEvent, type TrainingTask } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { openDataset } from "@nnunet/io";
import { createPipeline, type TrainOptions } from "@nnunet/pipeline";
import { defaultTrainer, readCheckpoint, trainModel, type TrainingSettings } from "@nnunet/trainer";
import { preprocessTiny, tinyJson, tinyTraining, withScratch } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

/** So small a step that the weights stay what they began with. */
const still = {
  ...tinyTraining.settings,
  initialLearningRate: 1e-12,
  optimiser: { name: "adam" as const },
} as NonNullable<TrainOptions["settings"]>;

test("a training begins with the weights of a model wherever they fit, says so, and goes on without it", () =>
  withScratch(async (scratch) => {
    const { folders, dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    const train = (fold: number, options: TrainOptions) =>
      pipeline.train(dataset, plans, "3d_fullres", fold, { ...tinyTraining, ...options });
    await train(0, {});
    const source = await readCheckpoint(paths.fold(0).checkpoint);
    const model = join(scratch, "Doe^John.onnx");
    await cp(paths.fold(0).model, model);

    // a dataset of the same images in which only one label has the same name
    const other = await openDataset(await copyDataset(folders.raw, dataset.folder));
    const theirs = createPipeline({}, folders);
    await theirs.fingerprint(other);
    const { plans: otherPlans } = await theirs.plan(other);
    await theirs.preprocess(other, otherPlans, ["3d_fullres"]);
    const told: string[] = [];
    const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(event.text);
    const tune = (options: TrainOptions) =>
      theirs.train(other, otherPlans, "3d_fullres", 0, { ...tinyTraining, settings: still, ...options });
    const result = await tune({ pretrained: model, onEvent });

    const folder = join(folders.results, other.name, "nnUNetTrainer__nnUNetPaperPlans__3d_fullres", "fold_0");
    const made = await readCheckpoint(join(folder, "checkpoint_final.safetensors"));
    const name = "encoder.stages.0.0.convs.0.conv.weight";
    for (const [i, value] of made.weights.get(name)!.data.entries()) {
      expect(value).toBeCloseTo(source.weights.get(name)!.data[i]!, 6);
    }
    expect(result.pretrained).toMatchObject({ from: "3d_fullres of Dataset007_Tiny" });
    const head = result.pretrained!.rows.filter(({ part }) => part.startsWith("decoder.seg_layers"));
    expect(head.map(({ why }) => why)).toContain("dark by name, white initialised");
    // model.onnx keeps the head of the full resolution alone
    expect(head.map(({ why }) => why)).toContain("the model has no such weight");
    expect(told.find((text) => text.startsWith("begins with"))).toMatch(
      /^begins with \d+ % of its numbers from 3d_fullres of Dataset007_Tiny \(sha256 [0-9a-f]{16}\)$/,
    );
    expect(told.some((text) => /^encoder\.stages\.0 +\d+ +copied/.test(text))).toBe(true);

    // nothing names the file, which is the user's own
    const record = JSON.stringify(await readJson(join(folder, "made_from.json")));
    const bytes = await readFile(join(folder, "model.onnx"));
    expect(record + bytes.toString("latin1") + JSON.stringify(made.pretrained)).not.toContain("Doe");
    expect(made.pretrained).toEqual(result.pretrained);
    expect(modelMetadataFromOnnx(bytes, "model.onnx").recipe?.["pretrained"]).toMatch(/^3d_fullres of Dataset007_Tiny/);

    expect((await tune({ pretrained: model, existing: "update" })).trained).toBe(false);
    await expect(tune({ pretrained: paths.fold(0).folder, existing: "continue" })).rejects.toThrow(
      "cannot be continued with another pretrained model: it was begun with 3d_fullres of Dataset007_Tiny",
    );
    await rm(model);
    const kept = await tune({ existing: "continue" });
    expect(kept).toMatchObject({ trained: false, pretrained: result.pretrained });
    await expect(tune({ pretrained: model, existing: "update" })).rejects.toThrow("there is no model");
  }));

test("a stopped training that began with a model is continued to the same bytes without it", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    const settings = { ...tinyTraining.settings, epochs: 2 };
    const train = (fold: number, options: TrainOptions = {}) =>
      pipeline.train(dataset, plans, "3d_fullres", fold, { ...tinyTraining, settings, ...options });
    await train(0);
    const model = join(scratch, "first.safetensors");
    await cp(paths.fold(0).checkpoint, model);
    await cp(paths.fold(0).folder, join(scratch, "kept"), { recursive: true });
    await rm(paths.fold(0).folder, { recursive: true });
    await train(0, { pretrained: model });
    const whole = await readFile(paths.fold(0).model);

    const abort = new AbortController();
    const stop = (event: NnunetEvent) => event.type === "epoch" && abort.abort();
    await expect(
      train(0, { pretrained: model, existing: "overwrite", signal: abort.signal, onEvent: stop }),
    ).rejects.toThrow("cancelled");
    await rm(model);
    await train(0, { existing: "continue" });
    expect((await readFile(paths.fold(0).model)).equals(whole)).toBe(true);

    // stopped before its first epoch was kept, there is nothing but the file to go on from
    await rm(paths.fold(0).latestCheckpoint, { force: true });
    for (const file of [paths.fold(0).checkpoint, paths.fold(0).model]) await rm(file);
    await rm(join(paths.fold(0).folder, "checkpoint_best.safetensors"));
    await expect(train(0, { existing: "continue" })).rejects.toThrow("was begun with 3d_fullres");
  }));

test("what is no model, or fits nowhere, is refused, and nothing is touched", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    await pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining);
    const begin = (pretrained: string, options: TrainOptions = {}) =>
      pipeline.train(dataset, plans, "3d_fullres", 1, { ...tinyTraining, pretrained, ...options });
    const pth = join(scratch, "checkpoint_final.pth");
    await writeJsonAtomic(pth, {});
    await expect(begin(pth)).rejects.toThrow("`importForeign()` makes a model.onnx of a model of nnU-Net v2");
    await expect(begin(scratch)).rejects.toThrow("holds no trained fold; name a model.onnx, a checkpoint");
    await expect(begin(join(scratch, "none.onnx"))).rejects.toThrow("there is no model");
    // features of another number fit nowhere
    await rm(paths.fold(0).folder, { recursive: true });
    await pipeline.train(dataset, plans, "3d_fullres", 0, { ...tinyTraining, baseFeatures: 3 });
    const model = join(scratch, "three.onnx");
    await cp(paths.fold(0).model, model);
    await rm(paths.folder, { recursive: true });
    await expect(begin(model)).rejects.toThrow(
      `${model}: no convolution of it fits the network of 3d_fullres (encoder.stages.0.0.convs.0.conv.weight: the model's is 3 × 1 ×`,
    );
  }));

test("a trainer of one's own that does not begin with the weights is stopped, not recorded as if it did", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths, folders } = await preprocessTiny(scratch);
    await pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining);
    const model = join(scratch, "first.onnx");
    await cp(paths.fold(0).model, model);
    const begin = (train: (task: TrainingTask<TrainingSettings>) => ReturnType<typeof trainModel>) => {
      const trainer = { ...defaultTrainer, name: "own", train };
      return createPipeline({ trainer }, folders).train(dataset, plans, "3d_fullres", 0, {
        ...tinyTraining,
        pretrained: model,
        existing: "overwrite",
      });
    };
    // key by key: to spread a task is to read its weights
    const copied = (task: TrainingTask<TrainingSettings>, ...left: readonly string[]) => {
      const keys = (Object.keys(task) as (keyof typeof task)[]).filter(
        (key) => ![...left, "initialWeights"].includes(key),
      );
      return trainModel(Object.fromEntries(keys.map((key) => [key, task[key]])) as unknown as typeof task);
    };
    const ignored = "trainer own: does not begin with the weights of `pretrained`: it has not read task.initialWeights";
    await expect(begin((task) => copied(task, "pretrained"))).rejects.toThrow(ignored);
    await expect(begin((task) => copied(task, "pretrained", "onBegin"))).rejects.toThrow(ignored);
    await expect(begin((task) => trainModel({ ...task, initialWeights: undefined } as never))).rejects.toThrow(
      "initialWeights: expected the weights that `pretrained` says it begins with",
    );
    expect((await begin(trainModel)).pretrained).toMatchObject({ from: "3d_fullres of Dataset007_Tiny" });
  }));

test("a run says which of its networks a model does not fit before it trains the first", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    await pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining);
    const model = join(scratch, "first.onnx");
    await cp(paths.fold(0).model, model);
    const began: string[] = [];
    const onEvent = (event: NnunetEvent) => event.type === "stage-start" && began.push(event.stage);
    const options = { ...tinyTraining, folds: [0], variant: "tuned", pretrained: model, onEvent };
    await expect(pipeline.run("7", { ...options, configurations: ["3d_fullres", "2d"] })).rejects.toThrow(
      /first\.onnx: no convolution of it fits the network of 2d \(.*; it fits 3d_fullres alone: run `configurations` 3d_fullres with it/,
    );
    expect(began).not.toContain("train");
    await pipeline.run("7", { ...options, configurations: ["3d_fullres"] });
    expect(began).toContain("train");
  }));

async function copyDataset(raw: string, folder: string): Promise<string> {
  const copy = join(raw, "Dataset008_Other");
  await cp(folder, copy, { recursive: true });
  const labels = { background: 0, dark: 1, white: 2 };
  await writeJsonAtomic(join(copy, "dataset.json"), datasetToJson({ ...tinyJson(6), labels }));
  return copy;
}

test("a variant that is refused for its pretrained model is planned anew by the run with what was missing", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans } = await preprocessTiny(scratch);
    const { model } = await pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining);
    const { baseFeatures: _, ...whole } = tinyTraining;
    const run = { configurations: ["3d_fullres"], folds: [0], variant: "tuned", pretrained: model } as const;
    await expect(pipeline.run(dataset.folder, { ...whole, ...run })).rejects.toThrow(
      "kind of network (it begins with 2 features: `baseFeatures` 2), or leave `pretrained` out",
    );
    const { folds } = await pipeline.run(dataset.folder, { ...tinyTraining, ...run });
    expect(folds[0]?.training.pretrained?.fraction).toBeGreaterThan(0.99);
  }));
