import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { NnunetEvent, Plans, RawDataset } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { labelsNotFound, summaryFromJson, summaryToText } from "@nnunet/evaluate";
import { openDataset, readImage, writeImage } from "@nnunet/io";
import {
  type BestPredictor,
  createPipeline,
  type foldPaths,
  loadPredictor,
  type Pipeline,
  predictorPaths,
  preprocessedPaths,
  resultsPaths,
} from "@nnunet/pipeline";
import { openProbabilities, writeProbabilities } from "@nnunet/preprocess";
import { givenUpPath } from "../src/folders.ts";
import { isBestFound } from "../src/selection/find-best.ts";
import { foldersIn, tinyTraining, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(480_000);

let scratch: string;
let pipeline: Pipeline;
let dataset: RawDataset;
let plans: Plans;
let best: BestPredictor;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  const folders = foldersIn(scratch);
  const of = { name: "Dataset007_Tiny", prefix: "tiny", trainingCases: 5, testCases: 1 };
  const folder = await writeTinyDataset(folders.raw, of);
  pipeline = createPipeline({}, folders);
  await pipeline.run(folder, { ...tinyTraining, configurations: ["2d", "3d_fullres"], folds: [0, 1] });
  dataset = await openDataset(folder);
  plans = await pipeline.loadPlans(dataset);
  best = await pipeline.findBest(dataset, plans);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

interface Copy {
  readonly own: Pipeline;
  readonly dataset: RawDataset;
  readonly fold: (configuration: string, number: number | "all") => ReturnType<typeof foldPaths>;
  /** What was told, and how often each stage told progress. */
  readonly told: string[];
  readonly progress: Record<string, number>;
  readonly find: (options?: Parameters<Pipeline["findBest"]>[2]) => Promise<BestPredictor>;
}

/** All three folders in a copy, for tests that change them. */
const copied = (work: (copy: Copy) => Promise<void>) =>
  withScratch(async (folder) => {
    for (const name of ["raw", "preprocessed", "results"])
      await cp(join(scratch, name), join(folder, name), { recursive: true });
    const own = createPipeline({}, foldersIn(folder));
    const told: string[] = [];
    const progress: Record<string, number> = {};
    const onEvent = (event: NnunetEvent) => {
      if (event.type === "message") told.push(event.text);
      if (event.type === "progress") progress[event.stage] = (progress[event.stage] ?? 0) + 1;
    };
    const opened = await openDataset(join(own.folders.raw, dataset.name));
    await work({
      own,
      dataset: opened,
      fold: (configuration, number) =>
        resultsPaths(own.folders, dataset.name, plans.plansName, configuration).fold(number),
      told,
      progress,
      find: (options) => own.findBest(opened, plans, { ...options, onEvent }),
    });
  });

const segmentationIn = async (folder: string) =>
  join(folder, (await readdir(folder)).find((name) => name.endsWith(".nii.gz"))!);

/** Another segmentation of the same case, as somebody's editor would save it. */
async function edit(path: string): Promise<void> {
  const volume = await readImage(path);
  const data = Int16Array.from(volume.data, (label) => (label === 0 ? 1 : 0));
  await writeImage(path, { ...volume, data }, { overwrite: true });
}

const informationOf = async ({ folder }: BestPredictor) =>
  JSON.parse(await readFile(predictorPaths(folder).information, "utf8"));

describe("what is compared is what lies there", () => {
  test("a segmentation that was changed by hand is no evidence: refused, and moved away predicted again", () =>
    copied(async ({ own, dataset: opened, fold, find }) => {
      const path = await segmentationIn(fold("3d_fullres", 0).validation);
      const before = await readFile(path);
      await edit(path);
      const refusal = `${path}: is not what fold 0 of 3d_fullres predicted: it was changed afterwards, and its score would be no score of the network; move it away, then run \`train(7, 3d_fullres, 0, { continue })\``;
      await expect(find()).rejects.toThrow(refusal);
      await expect(isBestFound(own, opened, plans)).rejects.toThrow(refusal);
      await rename(path, join(dirname(fold("3d_fullres", 0).folder), "mine.nii.gz"));
      await expect(find()).rejects.toThrow(
        `${path}: missing, and fold 0 of 3d_fullres was scored by it; run \`train(7, 3d_fullres, 0, { continue })\`, which predicts and scores it again`,
      );
      const again = { ...tinyTraining, existing: "continue" as const, probabilities: true };
      await own.train(opened, plans, "3d_fullres", 0, again);
      expect(await readFile(path)).toEqual(before);
      expect((await find()).ranking).toEqual(best.ranking);
    }));

  test("a reference that was corrected, or a number that was, is scored anew, and said", () =>
    copied(async ({ own, dataset: opened, fold, find, told }) => {
      const id = (await readJson(fold("2d", 0).summary).then((json) => summaryFromJson(json, ""))).cases[0]!;
      await edit(join(opened.folder, "labelsTr", id.referenceFile.split("/").at(-1)!));
      expect(await isBestFound(own, opened, plans)).toBe(false);
      const { ranking } = await find();
      expect(told.filter((text) => text.includes("is not what its files give: scored anew"))).toHaveLength(3);
      expect(ranking.map(({ score }) => score)).not.toEqual(best.ranking.map(({ score }) => score));
      told.length = 0;
      const { summary } = fold("2d", 1);
      const text = await readFile(summary, "utf8");
      await writeFile(summary, text.replace(/"Dice": [\d.]+/, '"Dice": 0.99'));
      expect((await find()).ranking).toEqual(ranking);
      expect(told.filter((each) => each.startsWith(`${summary} is not what its files give`))).toHaveLength(1);
      told.length = 0;
      await find();
      expect(told.join()).not.toContain("scored anew");
    }));

  test("probabilities and segmentations of an ensemble that were changed are refused, too", () =>
    copied(async ({ own, fold, find }) => {
      const { probabilities } = fold("2d", 0);
      const [id] = (await readdir(probabilities)).map((name) => name.replace(".zarr", ""));
      const { shape, geometry, contentHash } = await openProbabilities(probabilities, id!);
      const [channels, ...space] = shape;
      await cp(join(probabilities, `${id}.zarr`), join(own.folders.results, "before.zarr"), { recursive: true });
      await writeProbabilities(probabilities, id!, { shape, geometry, contentHash }, async (write) => {
        const voxels = space.reduce((a, b) => a * b);
        for (let c = 0; c < channels; c++) await write(new Float32Array(voxels).fill(c === 1 ? 1 : 0));
      });
      await expect(find()).rejects.toThrow(
        `${join(probabilities, `${id}.zarr`)}: are not the probabilities that fold 0 of 2d predicted: they were changed afterwards; move them away`,
      );
      await rm(join(probabilities, `${id}.zarr`), { recursive: true });
      await find(); // predicted again
      const ensemble = join(own.folders.results, dataset.name, "ensembles", plans.plansName, "2d__3d_fullres");
      const path = await segmentationIn(ensemble);
      await edit(path);
      await expect(find()).rejects.toThrow(`${path}: is not what the ensemble 2d + 3d_fullres predicted`);
    }));
});

describe("the cases of the cross-validation with everything applied", () => {
  test("lie beside the predictor with their scores per case and label; they are what the predictor's score says", async () => {
    expect(best.crossval).toBe(
      join(pipeline.folders.results, dataset.name, `crossval_of_nnUNetPredictor__${plans.plansName}`),
    );
    const names = await readdir(best.crossval!);
    expect(names.filter((name) => !name.endsWith(".nii.gz")).sort()).toEqual([
      "dataset.json",
      "made_from.json",
      "postprocessing.json",
      "summary.json",
    ]);
    const summary = summaryFromJson(await readJson(join(best.crossval!, "summary.json")), "");
    expect(summary).toEqual(best.validation);
    // As every summary.json: nnU-Net v2's tools read NaN, and fail on null.
    const written = await readFile(join(best.crossval!, "summary.json"), "utf8");
    expect(written).toBe(summaryToText(summary));
    expect(summary.cases).toHaveLength(2);
    for (const { predictionFile } of summary.cases) expect(dirname(predictionFile)).toBe(best.crossval);
    const { score } = (await readJson(predictorPaths(best.folder).description)) as { score: { dice: number } };
    expect(score.dice).toBeCloseTo(summary.foregroundMean.dice, 12);
  });

  test("are not made, and the postprocessing is not looked for, a second time", () =>
    copied(async ({ find, progress, told }) => {
      await find();
      expect(progress).toEqual({});
      expect(told.join()).not.toContain("changed by hand");
      const { crossval } = await find({ ensembles: false });
      const path = await segmentationIn(crossval!);
      await edit(path);
      await find();
      expect(progress["postprocess"]).toBeGreaterThan(0);
      expect(told.join()).toContain("had been changed by hand, and is kept");
    }));

  test("replace nothing of somebody's", () =>
    copied(async ({ own, find }) => {
      const output = join(own.folders.results, "mine");
      await writeJsonAtomic(join(own.folders.results, "crossval_of_mine", "notes.json"), {});
      await expect(find({ output })).rejects.toThrow("holds something else than the cases of a cross-validation");
      expect(await readdir(join(own.folders.results, "crossval_of_mine"))).toEqual(["notes.json"]);
      expect(await readdir(own.folders.results)).not.toContain("mine");
    }));
});

test("a predictor of more folds is replaced by one of fewer only with a word, and is kept", () =>
  copied(async ({ find, told }) => {
    const { folder, configurations } = await find({ folds: [0], configurations: best.configurations });
    const before = best.configurations.join(" + ");
    const sentence = told.find((text) => text.startsWith(`replacing the predictor in ${folder}`));
    expect(sentence).toMatch(/it was .*Dice [\d.]+ over 2 cases\); the new one is .* over 1 case\), of less/);
    expect(sentence).toContain(before.replaceAll("+", "+"));
    expect(configurations.length).toBeGreaterThan(0);
    const aside = join(dirname(folder), `previous_nnUNetPredictor__${plans.plansName}_1`);
    expect(told.at(-1)).toBe(`the predictor that was there is kept: ${aside}`);
    await (await loadPredictor(aside)).dispose();
  }));

test("a better predictor of configurations that had no part in the comparison is kept, and its replacement is a warning", () =>
  copied(async ({ own, find, told }) => {
    const kept = async (name: string, dice: number) => {
      const output = join(own.folders.results, name);
      await find({ output, configurations: ["2d"] });
      const path = predictorPaths(output).description;
      const description = (await readJson(path)) as { readonly score: object };
      await writeJsonAtomic(path, { ...description, score: { ...description.score, dice } });
      told.length = 0;
      await find({ output, configurations: ["3d_fullres"] });
      return readdir(own.folders.results).then((names) => names.filter((each) => each.startsWith(`previous_${name}`)));
    };
    expect(await kept("worse", 0)).toEqual([]);
    expect(await kept("better", 0.99)).toEqual(["previous_better_1"]);
    expect(told.find((text) => text.startsWith("replacing the predictor"))).toMatch(
      /it was 2d, 2 networks \(Dice 0\.9900 over 2 cases\); the new one is 3d_fullres, .*, which is worse: 2d had no part in the comparison; `findBest\(\)` compares all that is trained$/,
    );
    expect(told.at(-1)).toBe(`the predictor that was there is kept: ${join(own.folders.results, "previous_better_1")}`);
  }));

test("a label that no validation case has is told of: its score, whatever it is, says nothing", () =>
  copied(async ({ dataset: own, find, told }) => {
    for (const { label } of own.trainingCases) {
      const image = await readImage(label!);
      await writeImage(label!, { ...image, data: Int16Array.from(image.data, (id) => (id === 2 ? 0 : id)) });
    }
    const sentence = "no validation case has 2 dark: nothing says whether this predictor finds it";
    expect((await find()).warnings).toContain(sentence);
    expect(told).toContain(sentence);
  }));

test("labels that are not found are said loudly: told, in predictor.json, in inference_information.json, and before a prediction", async () => {
  // trained for two steps, these networks find next to nothing
  expect(labelsNotFound(best.validation!).length).toBeGreaterThan(0);
  const [warning] = best.warnings;
  expect(warning).toMatch(/^this predictor (finds nothing|does not find every label): .*; train longer, or look/);
  expect(await readJson(predictorPaths(best.folder).description)).toMatchObject({ warnings: [warning] });
  expect((await informationOf(best)).nnunet_ts.warnings).toEqual([warning]);
  const told: string[] = [];
  const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(`${event.level}: ${event.text}`);
  await (await loadPredictor(best.folder, { onEvent })).dispose();
  expect(told).toEqual([`warning: ${warning}`]);
});

test("what a budget gave up stands among what was not compared", () =>
  copied(async ({ own, dataset: opened, find }) => {
    const path = givenUpPath(own.folders, dataset.name, plans.plansName);
    await writeJsonAtomic(path, { budget: "60 min", givenUp: ["Folds 2 to 4: the intervals are wider."] });
    expect(await isBestFound(own, opened, plans)).toBe(false);
    const { not_compared: notCompared } = (await informationOf(await find())).nnunet_ts;
    expect(notCompared).toContainEqual({ budget: "60 min", reason: "Folds 2 to 4: the intervals are wider." });
    expect(await isBestFound(own, opened, plans)).toBe(true);
    await writeJsonAtomic(path, { budget: 60 });
    await expect(find()).rejects.toThrow("given_up__");
  }));

test("cases say to which group they belong; groups of one case each are drawn as cases", () =>
  copied(async ({ own, dataset: opened, find }) => {
    const groups = Object.fromEntries(opened.trainingCases.map(({ id }) => [id, `patient ${id}`]));
    await writeJsonAtomic(preprocessedPaths(own.folders, dataset.name).groups, groups);
    const found = await find();
    expect(found.validation!.cases.map(({ group }) => group)).toEqual([
      expect.stringMatching(/^patient tiny_/),
      expect.stringMatching(/^patient tiny_/),
    ]);
    expect(found.ranking[0]!.interval.low).toBeNaN();
    expect((await informationOf(found)).nnunet_ts.confidence).toMatchObject({
      method: "percentile bootstrap over cases",
    });
  }));

describe("networks that were trained on all cases", () => {
  test("of one configuration become a predictor that says it is not validated; of several none, with what to do", () =>
    copied(async ({ own, dataset: opened, fold, find, told }) => {
      await own.train(opened, plans, "3d_fullres", "all", tinyTraining);
      const found = await find({ folds: ["all"] });
      expect(found).toMatchObject({ configurations: ["3d_fullres"], ranking: [], postprocessing: null, made: true });
      expect(found.chosen).toMatch(/^not validated: 1 network of 3d_fullres, trained on all cases/);
      expect(told).toContain(found.chosen);
      expect(await readJson(predictorPaths(found.folder).description)).toMatchObject({
        postprocessor: null,
        score: { dice: null, validation_cases: 0 },
        warnings: found.warnings,
      });
      expect(found.warnings[0]).toBe(found.chosen);
      expect(found.warnings[1]).toMatch(/^even in the cases of its training this predictor/);
      expect((await informationOf(found)).nnunet_ts).toMatchObject({ validation_cases: 0, warnings: found.warnings });
      expect(await isBestFound(own, opened, plans, { folds: ["all"] })).toBe(true);
      const predictor = await loadPredictor(found.folder);
      expect(predictor.postprocessing).toBeUndefined();
      await predictor.dispose();
      // beside folds of a cross-validation it is taken only where it is asked for
      expect((await find()).ranking).toHaveLength(3);
      await expect(find({ folds: ["all", 0] })).rejects.toThrow('or "all" by itself');
      await own.train(opened, plans, "2d", "all", tinyTraining);
      await expect(find({ folds: ["all"] })).rejects.toThrow(
        "2d, 3d_fullres are trained on all cases, so that nothing says which of them is better; name one by `configurations`",
      );
      for (const configuration of ["2d", "3d_fullres"])
        for (const number of [0, 1]) await rm(fold(configuration, number).folder, { recursive: true });
      expect((await find({ configurations: ["2d"] })).configurations).toEqual(["2d"]);
    }));

  test("a run that trains nothing else ends with such a predictor, which segments the test images", () =>
    withScratch(async (folder) => {
      const folders = { ...pipeline.folders, results: join(folder, "results") };
      const own = createPipeline({}, folders);
      const run = await own.run(dataset.folder, { ...tinyTraining, configurations: ["3d_fullres"], folds: ["all"] });
      expect(run.best!.warnings[0]).toMatch(/^not validated/);
      expect(run.test).toHaveLength(1);
      // a fold that was divided at random is none of a cross-validation, and has not seen every case either
      const random = await own.run(dataset.folder, {
        ...tinyTraining,
        configurations: ["3d_fullres"],
        folds: [7],
        randomSplit: true,
      });
      expect(random.best).toBeUndefined();
      expect(random.test).toHaveLength(1);
      expect(run.test[0]!.folder).toContain("imagesTs_predicted__");
    }));
});
