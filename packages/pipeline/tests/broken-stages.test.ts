import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { augmentationParameters } from "@nnunet/augment";
import { type Evaluator, type LabelMetrics, modelDatasetFromJson, type Predictor } from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import {
  type Config,
  createPipeline,
  defaultStages,
  loadPredictor,
  preprocessedPaths,
  type Stages,
} from "@nnunet/pipeline";
import { createTrainer, losses } from "@nnunet/trainer";
import { preprocessTiny, tinyTraining } from "./tiny-dataset.ts";

/* Stages of one's own that give what they must not: each is refused in a sentence, before anything is kept of it. */
jest.setTimeout(200_000);

let scratch: string;
let tiny: Awaited<ReturnType<typeof preprocessTiny>>;
let model: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  tiny = await preprocessTiny(scratch);
  ({ model } = await tiny.pipeline.train(tiny.dataset, tiny.plans, "3d_fullres", 0, tinyTraining));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const own = (config: Config) => createPipeline(config, tiny.folders);

test("an evaluator whose scores are none: a label left out, called otherwise, no number, a promise", async () => {
  const labels = join(tiny.folders.raw, tiny.dataset.name, "labelsTr");
  const pairs = [{ id: "tiny_0", reference: join(labels, "tiny_0.nii.gz"), prediction: join(labels, "tiny_0.nii.gz") }];
  const dataset = modelDatasetFromJson(await readJson(tiny.paths.dataset), "dataset.json");
  const evaluate = (change: (scores: Record<string, LabelMetrics>) => unknown) => {
    const caseMetrics = (...given: Parameters<Evaluator["caseMetrics"]>) =>
      change(defaultStages.evaluator.caseMetrics(...given)) as Record<string, LabelMetrics>;
    return own({ evaluator: { name: "mine", caseMetrics } }).evaluate(pairs, dataset, undefined);
  };
  const none = (problem: string) => `evaluate, case tiny_0: evaluator mine: gives no scores of a case: ${problem}`;
  await expect(evaluate(() => undefined)).rejects.toThrow(none("caseMetrics() returns undefined, no scores"));
  await expect(evaluate(async (scores) => scores)).rejects.toThrow(none("caseMetrics() returns a promise"));
  await expect(evaluate((s) => ({ "1": s["1"] }))).rejects.toThrow(none('there is no score of "2"'));
  await expect(evaluate((s) => ({ ...s, dark: s["2"] }))).rejects.toThrow(
    none("scores dark, which is no label or region"),
  );
  const dice = (value: unknown) => evaluate((s) => ({ ...s, "1": { ...s["1"], dice: value } }));
  await expect(dice("0.9")).rejects.toThrow(none('dice of "1" is 0.9, no number'));
  await expect(dice(7)).rejects.toThrow(none('dice of "1" is 7, not in [0, 1]'));
  expect((await evaluate((scores) => scores)).foregroundMean.dice).toBe(1);
});

test("a predictor that gives something else than labels on the grid of the image", async () => {
  type Result = Awaited<ReturnType<Predictor["predictImage"]>>["segmentation"];
  const output = join(scratch, "out");
  const predict = async (change: (segmentation: Result) => unknown) => {
    const predictImage = async (...given: Parameters<Stages["predictor"]["predictImage"]>) =>
      change((await defaultStages.predictor.predictImage(...given)).segmentation) as { segmentation: Result };
    const pipeline = own({ predictor: { name: "mine", predictImage } });
    const predictor = await loadPredictor(model);
    const images = join(tiny.folders.raw, tiny.dataset.name, "imagesTs");
    return pipeline.predict(predictor, images, output).finally(() => predictor.dispose());
  };
  const mine = "predict, case tiny_6: predictor mine, case tiny_6: ";
  await expect(predict(() => undefined)).rejects.toThrow(`${mine}gives undefined, expected { segmentation } of shape`);
  await expect(predict((segmentation) => segmentation)).rejects.toThrow(`${mine}gives { data, shape, geometry }`);
  const changed = (change: object) => predict((segmentation) => ({ segmentation: { ...segmentation, ...change } }));
  await expect(changed({ shape: [1, 1, 16, 16] })).rejects.toThrow(`${mine}gives shape [1, 1, 16, 16], expected`);
  await expect(changed({ data: new Float32Array(2560) })).rejects.toThrow(
    `${mine}makes Float32Array(2560), expected an`,
  );
  await expect(changed({ data: new Int16Array(2560).fill(9) })).rejects.toThrow(
    `${mine}makes label 9, which dataset.json`,
  );
  await expect(changed({ geometry: {} })).rejects.toThrow(`${mine}gives a segmentation of another geometry`);
  expect((await readdir(output).catch(() => [])).filter((name) => name.endsWith(".nii.gz"))).toEqual([]);
});

test("an extractor whose fingerprint no later command could read leaves the one that is there", async () => {
  const { fingerprint: path } = preprocessedPaths(tiny.folders, tiny.dataset.name);
  const before = await readJson(path);
  const standard = defaultStages.fingerprintExtractor;
  const measure = (change: (made: ReturnType<typeof standard.combine>) => unknown) => {
    const combine = (...given: Parameters<typeof standard.combine>) => change(standard.combine(...given)) as never;
    return own({ fingerprintExtractor: { ...standard, name: "mine", combine } }).fingerprint(tiny.dataset);
  };
  const mine = "fingerprintExtractor mine";
  await expect(measure(() => undefined)).rejects.toThrow(
    `${mine}: what its combine() returns is no fingerprint, but none`,
  );
  await expect(measure(async (made) => made)).rejects.toThrow("a promise: combine() is synchronous");
  const nowhere = measure((made) => ({ ...made, spacings: made.spacings.map(() => [Number.NaN, 1, 1]) }));
  await expect(nowhere).rejects.toThrow(`${mine} → spacings[0][0]: expected a positive number`);
  const one = measure(({ spacings, shapesAfterCrop, caseIds: _, ...rest }) => ({
    ...rest,
    spacings: spacings.slice(1),
    shapesAfterCrop: shapesAfterCrop.slice(1),
  }));
  await expect(one).rejects.toThrow(mine);
  expect(await readJson(path)).toEqual(before);
});

test("a trainer, a planner and options of the sampling that are none", async () => {
  const train = (config: Config, options: object = {}) =>
    own(config).train(tiny.dataset, tiny.plans, "3d_fullres", 1, { ...tinyTraining, ...options });
  const trainer = { ...defaultStages.trainer, name: "mine" };
  await expect(train({ trainer: { ...trainer, train: async () => undefined as never } })).rejects.toThrow(
    "trainer mine: expected train() that returns { checkpoint }, the file of the final weights, got undefined",
  );
  await expect(train({ trainer: { ...trainer, completeSettings: () => undefined as never } })).rejects.toThrow(
    "trainer mine: expected completeSettings() that returns the whole settings, got undefined",
  );
  await expect(train({}, { sampling: { augmentations: {} } })).rejects.toThrow(
    'sampling: expected keys of augmentation, foregroundOversampling, got "augmentations"',
  );
  const { paper } = augmentationParameters;
  const { noise: _, ...silent } = paper;
  await expect(train({}, { sampling: { augmentation: silent } })).rejects.toThrow(
    "sampling.augmentation.noise: expected",
  );
  const certain = { ...paper, blur: { ...paper.blur, probability: 20 } };
  await expect(train({}, { sampling: { augmentation: certain } })).rejects.toThrow(
    "sampling.augmentation.blur.probability: expected a probability in [0, 1], got 20",
  );
  const plan = (change: object) => {
    const { planner } = defaultStages;
    const made = (...given: Parameters<typeof planner.plan>) => ({ ...planner.plan(...given), ...change });
    return own({ planner: { name: "mine", plan: made } }).plan(tiny.dataset);
  };
  await expect(plan({ configurations: {} })).rejects.toThrow("planner mine: plans no configuration");
  const flat = { ...tiny.plans.configurations["2d"]!, normalizationSchemes: ["MinMax"] };
  await expect(plan({ configurations: { "2d": flat } })).rejects.toThrow(
    'planner mine: plans the normalization "MinMax"; there are CT, ZScore',
  );
  const make = (parts: object) => () => createTrainer({ name: "mine", ...parts });
  expect(make({ name: "" })).toThrow('trainer.name: expected a name, got ""');
  expect(make({ losses: { ...losses, mine: {} } })).toThrow("trainer.losses.mine: expected a function");
  expect(make({ engines: { mine: {} } })).toThrow("trainer.engines.mine: expected an engine, with a function compile");
});
