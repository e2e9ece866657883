import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import type { NnunetEvent } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { summaryFromText } from "@nnunet/evaluate";
import { openDataset } from "@nnunet/io";
import { createPipeline, modelFiles, preprocessedPaths } from "@nnunet/pipeline";
import { casesOfFold } from "../src/training/splits.ts";
import { foldersIn, preprocessTiny, tinyTraining, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

function listener() {
  const told: string[] = [];
  return { told, onEvent: (event: NnunetEvent) => event.type === "message" && told.push(event.text) };
}

describe("the folds of a model folder that are averaged", () => {
  const withFolds = (folds: readonly string[], work: (folder: string) => Promise<void>) =>
    withScratch(async (folder) => {
      for (const fold of folds) {
        await mkdir(join(folder, fold));
        if (!fold.endsWith("_begun")) await writeFile(join(folder, fold, "model.onnx"), "");
      }
      await work(folder);
    });
  const inFolder = (folder: string, ...folds: readonly string[]) => folds.map((f) => join(folder, f, "model.onnx"));

  test("unasked: those of the cross-validation in order, never fold_all beside them, never a folder of another name", () =>
    withFolds(["fold_all", "fold_10", "fold_2", "fold_0", "fold_0_old", "fold_1b", "fold_03"], async (folder) => {
      const { told, onEvent } = listener();
      expect(await modelFiles(folder, undefined, { onEvent })).toEqual(inFolder(folder, "fold_0", "fold_2", "fold_10"));
      expect(told).toEqual([
        "fold all has seen every case and is left out beside the folds of the cross-validation; ask for it by name",
      ]);
    }));

  test("unasked: fold_all where it is alone", () =>
    withFolds(["fold_all"], async (folder) => {
      expect(await modelFiles(folder)).toEqual(inFolder(folder, "fold_all"));
    }));

  test("asked for, fold_all is taken; a fold that is not trained is refused, one named twice too", () =>
    withFolds(["fold_all", "fold_0"], async (folder) => {
      expect(await modelFiles(folder, ["all"])).toEqual(inFolder(folder, "fold_all"));
      await expect(modelFiles(folder, [0, 1])).rejects.toThrow(
        `${join(folder, "fold_1", "model.onnx")}: missing; train fold 1 first, or leave it out`,
      );
      await expect(modelFiles(folder, [0, 0])).rejects.toThrow("fold: expected every fold once, got [0, 0]");
    }));

  const remark = "Fold 7 is not in splits_final.json (its folds are 0, 1): its cases were divided 80:20 at random.";

  test("unasked: a fold that was divided at random is none of the cross-validation, which is told", () =>
    withFolds(["fold_0", "fold_1", "fold_7", "fold_all"], async (folder) => {
      await writeJsonAtomic(join(folder, "fold_7", "made_from.json"), { remark });
      const { told, onEvent } = listener();
      expect(await modelFiles(folder, undefined, { onEvent })).toEqual(inFolder(folder, "fold_0", "fold_1"));
      expect(told[0]).toBe(
        "fold 7 was divided at random and is left out beside the folds of the cross-validation; ask for it by name",
      );
      expect(await modelFiles(folder, [0, 7])).toEqual(inFolder(folder, "fold_0", "fold_7"));
    }));

  test("unasked, without a fold of the cross-validation: the one that there is, and of several none is guessed", () =>
    withFolds(["fold_7"], async (folder) => {
      await writeJsonAtomic(join(folder, "fold_7", "made_from.json"), { remark });
      expect(await modelFiles(folder)).toEqual(inFolder(folder, "fold_7"));
      await mkdir(join(folder, "fold_all"));
      await writeFile(join(folder, "fold_all", "model.onnx"), "");
      await expect(modelFiles(folder)).rejects.toThrow(
        `${folder}: no fold of the cross-validation is trained, only folds 7, all; name those that you want`,
      );
    }));

  test("an unfinished fold is left out, which is told", () =>
    withFolds(["fold_0"], async (folder) => {
      await mkdir(join(folder, "fold_1"));
      const { told, onEvent } = listener();
      expect(await modelFiles(folder, undefined, { onEvent })).toEqual(inFolder(folder, "fold_0"));
      expect(told).toEqual(["not trained to the end, so left out: fold 1"]);
    }));

  test("of a single model no other fold can be asked for", () =>
    withFolds(["fold_0"], async (folder) => {
      const model = join(folder, "fold_0", "model.onnx");
      for (const path of [model, join(folder, "fold_0")]) {
        await expect(modelFiles(path, [3])).rejects.toThrow(
          `fold: expected no fold beside ${model}, which is one model, got [3]`,
        );
      }
    }));
});

describe("a fold that splits_final.json does not have", () => {
  test("is refused and the folds there are listed; a random division is made where it is asked for, and told everywhere", () =>
    withScratch(async (scratch) => {
      const { folders, dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
      const path = preprocessedPaths(folders, dataset.name).splits;
      await writeJsonAtomic(path, [
        { train: ["tiny_0", "tiny_1"], val: ["tiny_2"] },
        { train: ["tiny_1", "tiny_2"], val: ["tiny_0"] },
      ]);
      await expect(pipeline.train(dataset, plans, "3d_fullres", 2, tinyTraining)).rejects.toThrow(
        `${path}: has no fold 2: its folds are 0, 1; choose one of these, add a fold to the file, or train fold "all"`,
      );
      const { told, onEvent } = listener();
      const { validation } = await pipeline.train(dataset, plans, "3d_fullres", 2, {
        ...tinyTraining,
        randomSplit: true,
        onEvent,
      });
      const remark =
        "Fold 2 is not in splits_final.json (its folds are 0, 1): its cases were divided 80:20 at random, whatever the file keeps apart.";
      expect(told).toContain(remark);
      expect(validation.remark).toBe(remark);
      expect(await readJson(paths.fold(2).madeFrom)).toMatchObject({ remark });
    }));

  test("the option changes nothing of a fold that the file has", () =>
    withScratch(async (scratch) => {
      const folders = foldersIn(scratch);
      const dataset = await openDataset(await writeTinyDataset(folders.raw));
      const plain = await casesOfFold(folders, dataset, 4);
      expect(plain.remark).toBeUndefined();
      expect(await casesOfFold(folders, dataset, 4, { randomSplit: true })).toEqual(plain);
    }));
});

test("run refuses a fold that there is not before any work, and makes its predictor of the cross-validation's alone", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const folder = await writeTinyDataset(folders.raw);
    const dataset = await openDataset(folder);
    const pipeline = createPipeline({}, folders);
    const { folder: preprocessedFolder } = preprocessedPaths(folders, dataset.name);
    await expect(
      pipeline.run(folder, { ...tinyTraining, configurations: ["3d_fullres"], folds: [0, 9] }),
    ).rejects.toThrow("has no fold 9");
    expect(await readdir(preprocessedFolder)).not.toContain("dataset_fingerprint.json");
    const { told, onEvent } = listener();
    const { test: images, best } = await pipeline.run(folder, {
      ...tinyTraining,
      configurations: ["3d_fullres"],
      folds: [0, 9],
      randomSplit: true,
      onEvent,
    });
    expect(images).toHaveLength(1);
    expect(best).toMatchObject({ configurations: ["3d_fullres"], chosen: expect.stringMatching(/of fold 0\.$/) });
    expect(told).toContainEqual(
      expect.stringMatching(/^not compared: 3d_fullres, fold 9: no fold of the cross-validation/),
    );
  }));

test("the scores of fold all say that they are those of training cases, in the summary and in the file", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    const { validation } = await pipeline.train(dataset, plans, "3d_fullres", "all", tinyTraining);
    const { summary } = paths.fold("all");
    const onDisk = summaryFromText(await readFile(summary, "utf8"), summary);
    for (const { remark } of [validation, onDisk]) {
      expect(remark).toContain("These are the cases that fold all was trained on");
    }
  }));

test("two folds of different networks that begin at the same time are not described by one plans.json", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    const trainings = [2, 4].map((baseFeatures, fold) =>
      pipeline.train(dataset, plans, "3d_fullres", fold, { ...tinyTraining, baseFeatures }),
    );
    const ends = await Promise.allSettled(trainings);
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = ends.findIndex(({ status }) => status === "rejected");
    expect(String((ends[refused] as PromiseRejectedResult).reason)).toContain(
      "one plans.json describes all folds of a folder",
    );
    const described = (await readJson(paths.plans)) as {
      configurations: Record<string, { architecture: { arch_kwargs: { features_per_stage: number[] } } }>;
    };
    const features = described.configurations["3d_fullres"]!.architecture.arch_kwargs.features_per_stage;
    expect(features[0]).toBe([4, 2][refused]);
    await expect(readJson(paths.fold(refused).madeFrom)).rejects.toThrow("no such file");
    // a plans.json that describes no fold any more is in nobody's way, however many begin
    await rm(paths.fold(1 - refused).folder, { recursive: true });
    const again = [0, 1].map((fold) =>
      pipeline.train(dataset, plans, "3d_fullres", fold, { ...tinyTraining, baseFeatures: 3 }),
    );
    expect((await Promise.all(again)).map(({ trained }) => trained)).toEqual([true, true]);
  }));
