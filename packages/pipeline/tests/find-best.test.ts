import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { labelSet, type NnunetEvent, type Plans, type Postprocessor, type RawDataset } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { segmentationFromMean } from "@nnunet/inference";
import { openDataset, readImage } from "@nnunet/io";
import {
  type BestPredictor,
  createPipeline,
  type foldPaths,
  loadPredictor,
  type Pipeline,
  predictorPaths,
  resultsPaths,
} from "@nnunet/pipeline";
import { openProbabilities } from "@nnunet/preprocess";
import { isBestFound } from "../src/selection/find-best.ts";
import { foldersIn, tinyTraining, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

let scratch: string;
let pipeline: Pipeline;
let dataset: RawDataset;
let plans: Plans;
let best: BestPredictor;
const told: string[] = [];
const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(event.text);

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  const folders = foldersIn(scratch);
  const folder = await writeTinyDataset(folders.raw, {
    name: "Dataset007_Tiny",
    prefix: "tiny",
    trainingCases: 5,
    testCases: 1,
  });
  pipeline = createPipeline({}, folders);
  await pipeline.run(folder, { ...tinyTraining, configurations: ["2d", "3d_fullres"], folds: [0, 1] });
  dataset = await openDataset(folder);
  plans = await pipeline.loadPlans(dataset);
  await pipeline.train(dataset, plans, "3d_fullres", 2, { ...tinyTraining, probabilities: true });
  // as after trainings that did not keep them
  for (const configuration of ["2d", "3d_fullres"])
    for (const number of [0, 1]) await rm(fold(configuration, number).probabilities, { recursive: true });
  best = await pipeline.findBest(dataset, plans, { onEvent });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const fold = (configuration: string, number: number) =>
  resultsPaths(pipeline.folders, dataset.name, plans.plansName, configuration).fold(number);

/** The results in a copy, for tests that damage them. */
const copied = (
  work: (
    pipeline: Pipeline,
    folder: (configuration: string, number: number) => ReturnType<typeof foldPaths>,
  ) => Promise<void>,
) =>
  withScratch(async (folder) => {
    const results = join(folder, "results");
    await cp(pipeline.folders.results, results, { recursive: true });
    const own = createPipeline({}, { ...pipeline.folders, results });
    await work(own, (configuration, number) =>
      resultsPaths(own.folders, dataset.name, plans.plansName, configuration).fold(number),
    );
  });

describe("the best of what was trained", () => {
  test("is found among every configuration and every pair, on the folds that all have", () => {
    expect(best.ranking.map(({ configurations }) => configurations.join("+")).sort()).toEqual([
      "2d",
      "2d+3d_fullres",
      "3d_fullres",
    ]);
    const scores = best.ranking.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(best.configurations).toEqual(best.ranking[0]!.configurations);
    expect(best.validation!.cases).toHaveLength(2);
    expect(best.leftOut).toEqual(
      [{ configuration: "3d_fullres", folds: [2], reason: "another configuration lacks them" }]
        .concat([{ configuration: "2d", folds: [2], reason: "not trained and validated" }])
        .sort((a, b) => (a.configuration < b.configuration ? -1 : 1)),
    );
    expect(told).toContain("not compared: 2d, fold 2: not trained and validated");
    expect(told.filter((text) => text.includes("once more for their probabilities"))).toHaveLength(4);
  });

  test("of two cases nothing is said to be sure", async () => {
    expect(best.chosen).toMatch(/; of 2 cases nobody can tell .* \(too few cases to tell\)\.$/);
    const text = await readFile(predictorPaths(best.folder).information, "utf8");
    expect(JSON.parse(text).nnunet_ts.ranking[1]).toMatchObject({
      probability_that_best_is_better: null,
      certainty: "too few cases",
    });
  });

  test("each ensemble is the mean of what the folds said that had not seen the case", async () => {
    const labels = labelSet(dataset.json);
    const folder = join(pipeline.folders.results, dataset.name, "ensembles", plans.plansName, "2d__3d_fullres");
    const [id] = (await readdir(fold("2d", 1).probabilities)).map((name) => name.replace(".zarr", ""));
    const stores = await Promise.all(
      ["2d", "3d_fullres"].map((configuration) => openProbabilities(fold(configuration, 1).probabilities, id!)),
    );
    const expected = await segmentationFromMean(stores, labels);
    const segmentation = await readImage(join(folder, `${id}.nii.gz`));
    expect(Int16Array.from(segmentation.data)).toEqual(expected.data);
    expect(segmentation.geometry).toEqual((await readImage(join(dataset.folder, "labelsTr", `${id}.nii.gz`))).geometry);
  });

  test("inference_information.json has the keys of nnU-Net v2, and names no case", async () => {
    const text = await readFile(predictorPaths(best.folder).information, "utf8");
    const information = JSON.parse(text);
    const name = `nnUNetTrainer__${plans.plansName}__`;
    expect(Object.keys(information)).toEqual([
      "folds",
      "dataset_name_or_id",
      "considered_models",
      "ensembling_allowed",
      "all_results",
      "best_model_or_ensemble",
      "nnunet_ts",
    ]);
    expect(Object.keys(information.all_results)).toEqual([
      `${name}2d`,
      `${name}3d_fullres`,
      `ensemble___${name}2d___${name}3d_fullres___0_1`,
    ]);
    expect(Object.keys(information.best_model_or_ensemble)).toEqual([
      "result_on_crossval_pre_pp",
      "result_on_crossval_post_pp",
      "postprocessing_file",
      "some_plans_file",
      "selected_model_or_models",
    ]);
    expect(information.considered_models[0]).toEqual({
      configuration: "2d",
      trainer: "nnUNetTrainer",
      plans_identifier: plans.plansName,
    });
    expect(information.best_model_or_ensemble.result_on_crossval_pre_pp).toBe(best.ranking[0]!.score);
    expect(information.nnunet_ts.ranking).toHaveLength(3);
    expect(text).not.toContain("tiny_");
  });

  test("nothing is done twice", async () => {
    const before = await readFile(predictorPaths(best.folder).description);
    expect(await isBestFound(pipeline, dataset, plans)).toBe(true);
    expect(await isBestFound(pipeline, dataset, plans, { ensembles: false })).toBe(false);
    const again = await pipeline.findBest(dataset, plans);
    expect(again.made).toBe(false);
    expect(again.ranking).toEqual(best.ranking);
    expect(await readFile(predictorPaths(best.folder).description)).toEqual(before);
  });

  test("singles alone, where ensembles are not wanted", () =>
    withScratch(async (folder) => {
      const found = await pipeline.findBest(dataset, plans, { ensembles: false, output: join(folder, "out") });
      expect(found.ranking.map(({ configurations }) => configurations.length)).toEqual([1, 1]);
      const one = await pipeline.findBest(dataset, plans, {
        configurations: ["3d_fullres"],
        output: join(folder, "one"),
      });
      expect(one.chosen).toMatch(
        /^3d_fullres is all there is: Dice .* over the 3 validation cases of folds 0, 1, 2\.$/,
      );
    }));
});

describe("the final predictor", () => {
  test("is whole in its folder, wherever that lies, and predicts as the folds do", () =>
    withScratch(async (folder) => {
      const moved = join(folder, "moved");
      await cp(best.folder, moved, { recursive: true });
      const { dispose: _, ...predictor } = await loadPredictor(moved);
      expect(predictor.members).toHaveLength(best.configurations.length);
      expect((await readdir(moved)).sort()).toEqual(
        [
          ...best.configurations.map((name) => `${name}.onnx`),
          "dataset.json",
          "inference_information.json",
          "plans.json",
          "postprocessing.json",
          "predictor.json",
        ].sort(),
      );
      const loaded = await loadPredictor(moved);
      const output = join(folder, "out");
      await pipeline.predict(loaded, join(dataset.folder, "imagesTs"), output, { mirroring: false });
      await loaded.dispose();
      expect((await readdir(output)).sort()).toEqual([
        "dataset.json",
        "made_from.json",
        "plans.json",
        "postprocessing.json",
        "tiny_5.nii.gz",
      ]);
      expect(await readJson(join(output, "postprocessing.json"))).toEqual(best.postprocessing);
    }));

  test("lists the SHA-256 of each of its files, as sha256sum prints it", async () => {
    const { files } = (await readJson(join(best.folder, "predictor.json"))) as { files: Record<string, string> };
    const names = (await readdir(best.folder)).filter((name) => name !== "predictor.json");
    expect(Object.keys(files).sort()).toEqual(names.sort());
    for (const name of names) {
      const bytes = await readFile(join(best.folder, name));
      expect([name, files[name]]).toEqual([name, createHash("sha256").update(bytes).digest("hex")]);
    }
  });

  test.each([
    [
      "a model that is missing",
      async (folder: string) => rm(join(folder, `${best.configurations[0]}.onnx`)),
      /missing; .*predictor\.json lists it: copy the whole folder/,
    ],
    [
      "a model that is cut off",
      async (folder: string) => truncate(join(folder, `${best.configurations[0]}.onnx`), 1000),
      /is not the file that .* lists \(its SHA-256 differs\)/,
    ],
    [
      "another postprocessing",
      async (folder: string) => writeJsonAtomic(join(folder, "postprocessing.json"), {}),
      /postprocessing\.json: is not the file that/,
    ],
    [
      "a name that leads elsewhere",
      async (folder: string) => {
        const json = (await readJson(join(folder, "predictor.json"))) as { files: object };
        await writeJsonAtomic(join(folder, "predictor.json"), {
          ...json,
          files: { ...json.files, "../x": "0".repeat(64) },
        });
      },
      /predictor\.json → files: expected a name without \/ and/,
    ],
  ])("%s is refused by a sentence", (_, damage, message) =>
    withScratch(async (folder) => {
      const copy = join(folder, "copy");
      await cp(best.folder, copy, { recursive: true });
      await damage(copy);
      await expect(loadPredictor(copy)).rejects.toThrow(message);
    }),
  );

  test("takes no fold and no other model beside it", async () => {
    await expect(loadPredictor(best.folder, { folds: [0] })).rejects.toThrow("a final predictor with folds of its own");
    await expect(loadPredictor([best.folder, fold("2d", 0).model])).rejects.toThrow("a final predictor, by itself");
  });

  test("one that was changed by hand is kept beside the new one; a folder of something else is left alone", () =>
    withScratch(async (folder) => {
      const output = join(folder, "out");
      await cp(best.folder, output, { recursive: true });
      await writeFile(join(output, "notes.txt"), "mine");
      const texts: string[] = [];
      const hear = (event: NnunetEvent) => event.type === "message" && texts.push(event.text);
      const found = await pipeline.findBest(dataset, plans, { output, onEvent: hear });
      expect(found.made).toBe(true);
      expect(await readFile(join(folder, "previous_out_1/notes.txt"), "utf8")).toBe("mine");
      expect(texts.at(-1)).toBe(
        `the predictor that was there had been changed by hand, and is kept: ${join(folder, "previous_out_1")}`,
      );
      expect(await readdir(folder)).toEqual(["crossval_of_out", "out", "previous_out_1"]);
      await rename(output, join(folder, "elsewhere"));
      await cp(join(folder, "elsewhere"), output, { recursive: true });
      await rm(join(output, "predictor.json"));
      const before = await readdir(output);
      await expect(pipeline.findBest(dataset, plans, { output })).rejects.toThrow(
        "holds something else than a final predictor",
      );
      expect(await readdir(output)).toEqual(before);
    }));
});

test("a postprocessor of one's own decides, is carried by the predictor, and is needed to use it", () =>
  withScratch(async (folder) => {
    const seen: string[] = [];
    /** Takes away a label whose voxels were wrong more often than right. */
    const withoutLabel: Postprocessor<{ removed: number }> = {
      name: "without a label",
      async decide(cases, labels) {
        for await (const { id } of cases()) seen.push(id);
        return { removed: labels.foreground[0]! };
      },
      apply: (segmentation, _, { removed }) => segmentation.map((label) => (label === removed ? 0 : label)),
      toJson: ({ removed }) => ({ removed }),
      fromJson: (json) => json as { removed: number },
    };
    const own = createPipeline({ postprocessor: withoutLabel as Postprocessor }, pipeline.folders);
    const output = join(folder, "predictor");
    const found = await own.findBest(dataset, plans, { output, ensembles: false });
    expect(seen).toHaveLength(2);
    expect(found.postprocessing).toEqual({ removed: 1 });
    expect(found.validation!.mean["1"]!.truePositives).toBe(0);
    await expect(loadPredictor(output)).rejects.toThrow(
      'the postprocessing was decided by "without a label", and the one given is "default"',
    );
    const predictor = await loadPredictor(output, { postprocessor: withoutLabel as Postprocessor });
    const [path] = await own.predict(predictor, join(dataset.folder, "imagesTs"), join(folder, "out"), {
      mirroring: false,
    });
    await predictor.dispose();
    expect(new Set((await readImage(path!)).data)).not.toContain(1);
  }));

describe("what cannot be compared", () => {
  test("strict refuses a fold that one configuration lacks, and one that no configuration has", async () => {
    await expect(pipeline.findBest(dataset, plans, { strict: true, folds: [0, 1, 2] })).rejects.toThrow(
      `${dirname(fold("2d", 2).folder)}: 2d, fold 2: not trained and validated; train it, or compare what there is without \`strict\``,
    );
    await expect(pipeline.findBest(dataset, plans, { strict: true })).rejects.toThrow(
      "2d, folds 2, 3, 4: not trained and validated",
    );
  });

  test("no common fold is an error that says which there are", () =>
    copied(async (own, of) => {
      await rm(of("2d", 0).folder, { recursive: true });
      await rm(of("2d", 1).folder, { recursive: true });
      await rename(of("3d_fullres", 2).folder, of("2d", 2).folder).catch(() => {});
      await expect(own.findBest(dataset, plans)).rejects.toThrow(
        "no fold is validated in every configuration (2d has 2; 3d_fullres has 0, 1)",
      );
    }));

  test("validated on other cases: named, with what to do", () =>
    copied(async (own, of) => {
      const { summary } = of("2d", 1);
      await cp(of("2d", 0).summary, summary);
      await expect(own.findBest(dataset, plans, { folds: [0, 1], strict: true })).rejects.toThrow(
        "2d, fold 1: trained or validated on other cases than splits_final.json has for it now",
      );
      // results alone, without what they were trained from
      const preprocessed = join(own.folders.results, "none");
      const alone = createPipeline({}, { ...own.folders, preprocessed });
      await expect(alone.findBest(dataset, plans)).rejects.toThrow(
        /fold 1 was validated on other cases than fold 1 of 2d.*train both with the same splits_final\.json/,
      );
    }));

  test("a fold that is trained and not validated, one of scores on training cases, and one on no case are left out", () =>
    copied(async (own, of) => {
      await rm(of("3d_fullres", 2).summary);
      const json = (await readJson(of("3d_fullres", 1).summary)) as object;
      await writeJsonAtomic(of("3d_fullres", 1).summary, { ...json, remark: "These are training cases." });
      const { leftOut, validation } = await own.findBest(dataset, plans);
      expect(validation!.cases).toHaveLength(1);
      expect(leftOut.map(({ configuration, folds, reason }) => `${configuration} ${folds}: ${reason}`)).toEqual([
        "3d_fullres 1: no fold of the cross-validation (These are training cases.)",
        "3d_fullres 2: trained, but not validated; run `train(7, 3d_fullres, 2, { continue })` first",
        "2d 1: another configuration lacks them",
      ]);
      await writeJsonAtomic(of("3d_fullres", 0).summary, { ...json, metric_per_case: [] });
      const { leftOut: more } = await own.findBest(dataset, plans);
      expect(more[0]!).toEqual({ configuration: "3d_fullres", folds: [0], reason: "validated on no case" });
    }));

  test("nothing trained is an error that lists the configurations", async () => {
    const own = createPipeline({}, { ...pipeline.folders, results: join(scratch, "none") });
    await expect(own.findBest(dataset, plans)).rejects.toThrow(
      /nothing has been validated that could be compared \(2d: not trained; 3d_fullres: not trained\); train folds first/,
    );
  });
});
