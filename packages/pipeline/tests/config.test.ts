import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { defaultBatchSampler } from "@nnunet/augment";
import { modelMetadataFromOnnx, type NnunetEvent, type TrainingBatch } from "@nnunet/core";
import { readJson, readRegularFile } from "@nnunet/core/node";
import { openDataset } from "@nnunet/io";
import { type Config, createPipeline, findConfig, loadConfig, type Pipeline } from "@nnunet/pipeline";
import { defaultPlanner } from "@nnunet/planner";
import { type OwnLoss, readCheckpoint } from "@nnunet/trainer";
import { foldersIn, preprocessTiny, tinyRun, tinyTraining, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

jest.setTimeout(200_000);

/** Writes files into a folder and returns the first one's path. */
async function written(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return join(folder, Object.keys(files)[0]!);
}

/** In TypeScript, with a file beside it, and nothing but ours to import. */
const stripes = (strength: number) => ({
  "nnunet.config.ts": `
    import { isMainThread } from "node:worker_threads";
    import type { RandomGenerator } from "@nnunet/core";
    import { defineConfig } from "@nnunet/pipeline";
    import { strength } from "./strength";
    export default defineConfig({
      augmentation: {
        name: "stripes",
        augment({ data }, random: RandomGenerator) {
          if (isMainThread) throw new Error("this is the main thread");
          const every: number = random.integer(2, 6);
          for (let i = 0; i < data.length; i += every) data[i]! += strength;
        },
      },
    });`,
  "strength.ts": `export const strength: number = ${strength};`,
});

const trainedFold = (folders: { readonly results: string }) =>
  join(folders.results, "Dataset007_Tiny", "nnUNetTrainer__nnUNetPaperPlans__3d_fullres", "fold_0");

test("an augmentation in nnunet.config.ts runs in the worker threads, is recorded everywhere, and trains anew when a file of it changes", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    await writeTinyDataset(folders.raw);
    const run = async (strength: number): Promise<Set<string>> => {
      const config = await loadConfig(await written(join(scratch, "config"), stripes(strength)));
      const began = new Set<string>();
      const onEvent = (event: NnunetEvent) => void (event.type === "stage-start" && began.add(event.stage));
      await createPipeline(config, folders).run("7", { ...tinyRun, onEvent });
      return began;
    };
    await run(0.5);
    expect((await run(0.5)).has("train")).toBe(false);
    const named = expect.stringMatching(/^stripes \(sha256 [0-9a-f]{16}\)$/);
    const fold = trainedFold(folders);
    expect(await readJson(join(fold, "made_from.json"))).toMatchObject({
      stages: { preprocessor: "default", batchSampler: named, trainer: "default" },
    });
    const { stages } = await readCheckpoint(join(fold, "checkpoint_final.safetensors"));
    expect(stages).toMatchObject({ batchSampler: named });
    const model = join(fold, "model.onnx");
    expect(modelMetadataFromOnnx(await readRegularFile(model), model).stages).toEqual({ batchSampler: named });
    const report = join(folders.results, "Dataset007_Tiny", "report__nnUNetPaperPlans.html");
    expect((await readRegularFile(report)).toString()).toContain(
      `<li>3d_fullres, fold 0: batchSampler ${stages!["batchSampler"]}</li>`,
    );

    const config = await loadConfig(await written(join(scratch, "config"), stripes(0.6)));
    const pipeline = createPipeline(config, folders);
    const dataset = await openDataset(join(folders.raw, "Dataset007_Tiny"));
    const plans = await pipeline.loadPlans(dataset);
    await expect(
      pipeline.train(dataset, plans, "3d_fullres", 0, { ...tinyTraining, existing: "continue" }),
    ).rejects.toThrow(
      /fold_0: cannot be continued with the batchSampler stripes \(sha256 \w{16}\): it was begun with stripes \(sha256 \w{16}\); bring the config back/,
    );
    expect((await run(0.6)).has("train")).toBe(true);
  }));

test("an augmentation that returns another patch, or puts other arrays in its place, is refused: nobody would look at them", () =>
  withScratch(async (scratch) => {
    const { dataset, plans, folders } = await preprocessTiny(scratch);
    const train = async (augment: string) => {
      const text = `export default { augmentation: { name: "other", augment: ${augment} } };`;
      const config = await loadConfig(await written(scratch, { "nnunet.config.mjs": text }));
      await createPipeline(config, folders).train(dataset, plans, "3d_fullres", 0, {
        ...tinyTraining,
        existing: "overwrite",
      });
    };
    const inPlace =
      /augmentation other, case tiny_\d: expected an augment\(\) that changes the arrays of the patch in place; /;
    await expect(train("(patch) => ({ ...patch, data: patch.data.map((x) => -x) })")).rejects.toThrow(inPlace);
    await expect(train("({ data }) => data.slice()")).rejects.toThrow(inPlace);
    await expect(train("(patch) => { patch.data = patch.data.slice(); }")).rejects.toThrow(inPlace);
    const readOnly = /nnunet\.config\.mjs:1: the augmentation "other" threw "TypeError: Cannot assign to read only/;
    await expect(train("({ shape }) => { shape[0] = 1; }")).rejects.toThrow(readOnly);
    for (const fine of ["({ data }) => data.fill(1)", "(patch, random) => random.chance(0.5) && patch.data.fill(0)"]) {
      await train(fine);
    }
  }));

describe("a stage that gives what it must not is refused in a sentence, not as a defect of ours", () => {
  test("a planner whose plan no later command could read leaves no file", () =>
    withScratch(async (scratch) => {
      const { dataset, folders } = await preprocessTiny(scratch);
      const plan = (made: (...given: Parameters<typeof defaultPlanner.plan>) => unknown) => {
        const planner = { name: "own", plan: made } as typeof defaultPlanner;
        return createPipeline({ planner }, folders).plan(dataset);
      };
      await expect(plan(() => undefined)).rejects.toThrow("planner own: what its plan() returns is no plan, but none");
      await expect(plan(async (...given) => defaultPlanner.plan(...given))).rejects.toThrow(
        "is no plan, but a promise: plan() is synchronous",
      );
      const odd = plan((...given) => {
        const plans = defaultPlanner.plan(...given);
        const flat = { ...plans.configurations["2d"]!, patchSize: [15, 16] };
        return { ...plans, plansName: "OddPlans", configurations: { "2d": flat } };
      });
      await expect(odd).rejects.toThrow(/^planner own → configurations\.2d\.patch_size\[0\]: expected a multiple of/);
      expect(await readdir(join(folders.preprocessed, dataset.name))).not.toContain("OddPlans.json");
    }));

  test("a network, a batch or a loss that is none", () =>
    withScratch(async (scratch) => {
      const { dataset, plans, folders } = await preprocessTiny(scratch);
      const train = (config: Config) =>
        createPipeline(config, folders).train(dataset, plans, "3d_fullres", 0, tinyTraining);
      const network = { name: "none", build: () => undefined as never };
      await expect(train({ network })).rejects.toThrow(
        "network none: cannot be trained for 3d_fullres: its build() returns no graph; end it with",
      );
      const sampler = (change: (batch: TrainingBatch) => unknown) =>
        train({
          batchSampler: {
            name: "own",
            createBatchSource(options) {
              const source = defaultBatchSampler.createBatchSource(options);
              const batch = async (epoch: number, i: number) => change(await source.batch(epoch, i)) as TrainingBatch;
              return { batch, close: () => source.close() };
            },
          },
        });
      await expect(sampler(() => undefined)).rejects.toThrow("batch: expected data (float32), shape, targets (int32)");
      await expect(sampler((batch) => ({ ...batch, data: batch.data.slice(1) }))).rejects.toThrow(
        /batch\.data of tiny_\d, tiny_\d: expected \d+ values, as its shape \[2,1,10,16,16\] promises, got \d+/,
      );
      const loss = (create: OwnLoss["create"]) => train({ loss: { name: "own", create } });
      await expect(loss(() => () => undefined as never)).rejects.toThrow("loss: expected a value of the tape, as");
      await expect(loss(() => (_, logits) => logits)).rejects.toThrow("loss: expected one number: tape.mean(…) or");
    }));

  test("a sampler in the worker threads, too", () =>
    withScratch(async (scratch) => {
      const { dataset, plans, folders } = await preprocessTiny(scratch);
      const text = `export default { batchSampler: { name: "none", createBatchSource: () => ({ batch: async () => undefined, close: async () => {} }) } };`;
      const config = await loadConfig(await written(scratch, { "nnunet.config.mjs": text }));
      await expect(
        createPipeline(config, folders).train(dataset, plans, "3d_fullres", 0, tinyTraining),
      ).rejects.toThrow("batch: expected data (float32), shape, targets (int32)");
    }));
});

test("a label that an augmentation invents is refused before it is trained: no output stands for it", () =>
  withScratch(async (scratch) => {
    const { dataset, plans, folders } = await preprocessTiny(scratch);
    const augmentation = { name: "inventor", augment: ({ seg }: { readonly seg: Int16Array }) => void seg.fill(7) };
    await expect(
      createPipeline({ augmentation }, folders).train(dataset, plans, "3d_fullres", 0, tinyTraining),
    ).rejects.toThrow(
      /^augmentation inventor, case tiny_\d: expected labels of dataset\.json \(0, 1, 2\), or −1 outside, got 7/,
    );
  }));

test("a loss in nnunet.config.mjs is the training's own; a training may still name one of ours", () =>
  withScratch(async (scratch) => {
    const file = await written(scratch, {
      "nnunet.config.mjs": `export default { loss: {
        name: "brier", version: "2",
        create: () => (tape, logits) => tape.mean(tape.multiply(tape.sigmoid(logits), tape.sigmoid(logits))) } };`,
    });
    const { trainer } = createPipeline(await loadConfig(file)).stages;
    expect([trainer.name, trainer.version]).toEqual(["default with loss brier", "2"]);
    expect(trainer.completeSettings({}).loss).toBe("brier");
    expect(trainer.completeSettings({ loss: "dice", epochs: 3 })).toMatchObject({ loss: "dice", epochs: 3 });
  }));

test("the jobs of a run name its config, or that none is to run", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    const file = await written(join(scratch, "config"), stripes(1));
    const commands = async (pipeline: Pipeline) =>
      (await pipeline.rehearse(dataset, { ...tinyRun })).jobs.map(({ command }) => command.join(" "));
    const own = await commands(createPipeline(await loadConfig(file), folders));
    expect(own.find((command) => command.startsWith("train"))).toMatch(/--config .*nnunet\.config\.ts$/);
    expect(own.find((command) => command.startsWith("verify"))).not.toContain("--config");
    const ours = await commands(createPipeline({}, folders));
    expect(ours.join()).not.toContain("config ");
    const inCode = createPipeline({ loss: { name: "zero", create: () => (tape) => tape.scalar(0) } }, folders);
    expect((await commands(inCode)).every((command) => command === "")).toBe(true);
  }));

describe("a config that cannot be used is refused in one sentence", () => {
  const cases: [string, string, RegExp][] = [
    ["syntax", "export default {\n  planner: {{\n};", /nnunet\.config\.ts:2: cannot be loaded: ParseError: /],
    ["no default export", "export const planner = 1;", /nnunet\.config\.ts: has no default export; end it with/],
    ["a number", "export default 5;", /its default export is no config/],
    [
      "a key",
      "export default { augmentor: {} };",
      /expected some of .*planner, .*augmentation, loss, got "augmentor"$/,
    ],
    [
      "a missing file",
      'import { x } from "./gone";\nexport default x;',
      /cannot be loaded: Cannot find module '\.\/gone'/,
    ],
    ["a missing package", 'import { x } from "gone-5";\nexport default x;', /cannot be loaded: .*gone-5/],
    ["throws", 'throw new Error("one\\ntwo");\nexport default {};', /nnunet\.config\.ts:1: cannot be loaded: one$/],
    [
      "a stage without its function",
      'export default { planner: { name: "p" } };',
      /planner\.plan: expected a function, got undefined$/,
    ],
    [
      "the default's name",
      'export default { planner: { name: "default", plan() {} } };',
      /planner\.name: expected a name of its own/,
    ],
    ["no stage", "export default { planner: 5 };", /planner: expected a stage, got 5$/],
    ["a loss without a function", 'export default { loss: { name: "l" } };', /loss\.create: expected a function/],
    [
      "a loss of our name",
      'export default { loss: { name: "dice", create() {} } };',
      /loss\.name: expected a name of its own/,
    ],
    [
      "an unknown set",
      'export default { augmentation: { name: "a", after: "b", augment() {} } };',
      /augmentation\.after: expected one of paper/,
    ],
    [
      "loss and trainer",
      'export default { loss: {}, trainer: { name: "t" } };',
      /loss: expected one of loss and trainer/,
    ],
  ];
  test.each(cases)("%s", (_, text, expected) =>
    withScratch(async (scratch) => {
      const error = await loadConfig(await written(scratch, { "nnunet.config.ts": text })).catch((e: Error) => e);
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).message).toMatch(expected);
      expect((error as Error).message).not.toContain("\n");
    }),
  );

  test("no such file, and two in one folder", () =>
    withScratch(async (scratch) => {
      await expect(loadConfig(join(scratch, "no.ts"))).rejects.toThrow("no.ts: there is no such config file");
      await written(scratch, { "nnunet.config.ts": "", "nnunet.config.mjs": "" });
      expect(() => findConfig(scratch)).toThrow(/nnunet\.config\.mjs: lies beside .*nnunet\.config\.ts; remove one/);
    }));
});

test("a stage that throws is named with its file and line, in the main thread and in a worker", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    await createPipeline({}, folders).fingerprint(dataset);
    const plans = (await createPipeline({}, folders).plan(dataset)).plans;
    const file = await written(scratch, {
      "nnunet.config.ts": `
        import { defaultPlanner } from "@nnunet/planner";
        class Mine {
          name = "mine";
          #secret = 1;
          preprocessCase() { return this.#secret.gone.gone; }
        }
        export default {
          planner: { ...defaultPlanner, name: "odd", plan(f: any) { return f.no.thing; } },
          preprocessor: new Mine(),
        };`,
    });
    const pipeline = createPipeline(await loadConfig(file), folders);
    await expect(pipeline.plan(dataset)).rejects.toThrow(
      /nnunet\.config\.ts:9: the planner "odd" threw "TypeError: Cannot read properties of undefined \(reading 'thing'\)"$/,
    );
    await expect(pipeline.preprocess(dataset, plans, ["3d_fullres"], { workers: 1 })).rejects.toThrow(
      /^preprocess, case tiny_\d: .*nnunet\.config\.ts:6: the preprocessor "mine" threw "TypeError: /,
    );
  }));

test("in code: an augmentation may name its module, and runs in the worker threads", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    const file = await written(scratch, {
      "mine.ts": `import { isMainThread } from "node:worker_threads";
        export default { name: "mine", augment({ data }: any) { if (!isMainThread) data.fill(Number.NaN); } };`,
    });
    const augmentation: Config["augmentation"] = { name: "mine", module: `file://${file}`, augment() {} };
    const pipeline = createPipeline({ augmentation }, folders);
    await pipeline.fingerprint(dataset);
    const { plans } = await pipeline.plan(dataset);
    await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    await expect(pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining)).rejects.toThrow(
      /augmentation mine, case tiny_\d: expected finite voxels/,
    );
  }));
