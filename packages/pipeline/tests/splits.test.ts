import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { NnunetEvent } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { crossValidationSplits } from "@nnunet/evaluate";
import { openDataset } from "@nnunet/io";
import { createPipeline, preprocessedPaths, resultsPaths } from "@nnunet/pipeline";
import { casesOfFold } from "../src/training/splits.ts";
import { foldersIn, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

const start = async (scratch: string, trainingCases = 10) => {
  const folders = foldersIn(scratch);
  const tiny = { name: "Dataset007_Tiny", prefix: "tiny", trainingCases, testCases: 0, shape: [8, 12, 12] } as const;
  const dataset = await openDataset(await writeTinyDataset(folders.raw, tiny));
  const said: string[] = [];
  const onEvent = (event: NnunetEvent) => void (event.type === "message" && said.push(event.text));
  return { folders, dataset, said, onEvent, pipeline: createPipeline({}, folders) };
};

/** Two images a patient: tiny_0 and tiny_1, tiny_2 and tiny_3, … */
const pairs = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`tiny_${i}`, `patient ${Math.floor(i / 2)}`]));
const partner = (id: string) => `tiny_${Number(id.slice(5)) ^ 1}`;

describe("the folds of a dataset", () => {
  test("are nnU-Net's where nothing else is asked for, and kept", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset } = await start(scratch);
      const { path, splits, made } = await pipeline.split(dataset);
      expect(splits).toEqual(crossValidationSplits(Object.keys(pairs)));
      expect(await readJson(path)).toEqual(splits);
      expect([made, (await pipeline.split(dataset)).made]).toEqual([true, false]);
    }));

  test("keep groups together, and every later command reads them so", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch);
      const { splits } = await pipeline.split(dataset, { groups: pairs });
      for (const { train, val } of splits) {
        expect(val).toHaveLength(2);
        for (const id of train) expect(val).not.toContain(partner(id));
      }
      expect((await pipeline.split(dataset)).splits).toEqual(splits);
      expect((await casesOfFold(folders, dataset, 3)).split).toEqual(splits[3]);
    }));

  test("of our own making are written anew when they are to keep groups together, and that is told", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, said, onEvent } = await start(scratch);
      const before = await pipeline.split(dataset);
      const after = await pipeline.split(dataset, { groups: pairs, onEvent });
      expect(after.splits).not.toEqual(before.splits);
      expect(said).toEqual([expect.stringContaining("written anew, as the cases are divided otherwise now")]);
    }));

  test("of somebody's are never replaced: refused if they divide a group, kept if they do not", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch);
      const { splits: path } = preprocessedPaths(folders, dataset.name);
      const divided = [{ train: ["tiny_0", "tiny_2"], val: ["tiny_3", "tiny_4"] }];
      await writeJsonAtomic(path, divided);
      await expect(pipeline.split(dataset, { groups: pairs })).rejects.toThrow(
        `${path}: fold 0 trains on tiny_2 and validates on tiny_3, both of group patient 1; correct it, or move it away`,
      );
      const whole = [{ train: ["tiny_0", "tiny_1"], val: ["tiny_4", "tiny_5"] }];
      await writeJsonAtomic(path, whole);
      expect((await pipeline.split(dataset, { groups: pairs })).splits).toEqual(whole);
      // for the intervals, beside the splits and not in them
      expect(await readJson(preprocessedPaths(folders, dataset.name).groups)).toEqual(pairs);
      await expect(pipeline.split(dataset, { seeds: 3 })).rejects.toThrow("holds other folds than 3 trainings on all");
    }));

  test("come from the dataset's own splits_final.json, also where that is added later; a wrong one is not copied", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders, said, onEvent } = await start(scratch);
      const own = join(dataset.folder, "splits_final.json");
      const { splits: path } = preprocessedPaths(folders, dataset.name);
      await writeJsonAtomic(own, [{ train: ["tiny_0"], val: ["tiny_99"] }]);
      await expect(pipeline.split(dataset)).rejects.toThrow(`${own} → 0.val: the dataset has no training case tiny_99`);
      expect(existsSync(path)).toBe(false);
      await rm(own);
      await pipeline.split(dataset);
      const theirs = [{ train: ["tiny_0", "tiny_1"], val: ["tiny_4", "tiny_5"] }];
      await writeJsonAtomic(own, theirs);
      expect((await pipeline.split(dataset, { onEvent })).splits).toEqual(theirs);
      expect(await readJson(path)).toEqual(theirs);
      expect(said).toEqual([expect.stringContaining("replaced by the splits_final.json of the dataset")]);
      // what a person corrects in the copy stays
      const edited = [{ train: ["tiny_0"], val: ["tiny_5"] }];
      await writeJsonAtomic(path, edited);
      expect((await pipeline.split(dataset)).splits).toEqual(edited);
    }));

  test("of fewer cases than folds are refused with the ways out; trainings on all cases differ by seed", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch, 3);
      await expect(pipeline.split(dataset)).rejects.toThrow(
        'has 3 training cases, and the five folds of a cross-validation need at least 5; train fold "all", or add cases; or train several networks on all of them',
      );
      const { splits, path } = await pipeline.split(dataset, { seeds: 5 });
      const all = ["tiny_0", "tiny_1", "tiny_2"];
      expect(splits).toEqual(Array.from({ length: 5 }, () => ({ train: all, val: all })));
      expect(await casesOfFold(folders, dataset, 2)).toMatchObject({
        split: { train: all, val: all },
        remark: "Fold 2 was trained on all of these cases: the scores say nothing about new images.",
        seedOffset: 2,
      });
      const before = await readFile(path, "utf8");
      expect((await pipeline.split(dataset, { seeds: 5 })).made).toBe(false);
      expect(await readFile(path, "utf8")).toBe(before);
    }));

  test("that were trained by are not replaced by trainings on all cases, which say nothing about new images", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders, said, onEvent } = await start(scratch);
      const { path } = await pipeline.split(dataset);
      const before = await readFile(path, "utf8");
      const { division } = await casesOfFold(folders, dataset, 1);
      const fold = resultsPaths(folders, dataset.name, "nnUNetPaperPlans_base", "2d").fold(1);
      await writeJsonAtomic(fold.madeFrom, { division });
      await expect(pipeline.split(dataset, { seeds: 3 })).rejects.toThrow(
        `${path}: has the folds by which nnUNetTrainer__nnUNetPaperPlans_base__2d/fold_1 was trained and validated, and which \`seeds\` would replace for every plan of the dataset; take a copy of the dataset`,
      );
      expect(await readFile(path, "utf8")).toBe(before);
      await rm(fold.folder, { recursive: true });
      await pipeline.split(dataset, { seeds: 3, onEvent });
      expect(said).toEqual([expect.stringMatching(/written anew, .*; remove it to have the cases divided into folds/)]);
      // the other way nothing is lost: what is trained on all cases is as good as before
      await writeJsonAtomic(fold.madeFrom, { division: (await casesOfFold(folders, dataset, 1)).division });
      expect((await pipeline.split(dataset, { seeds: 4 })).splits).toHaveLength(4);
    }));

  test("a case without a group, and groups that are too few, are refused", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset } = await start(scratch);
      const { tiny_7: _, ...others } = pairs;
      await expect(pipeline.split(dataset, { groups: others })).rejects.toThrow("none for tiny_7");
      const halves = Object.fromEntries(Object.keys(pairs).map((id, i) => [id, String(i % 2)]));
      await expect(pipeline.split(dataset, { groups: halves })).rejects.toThrow("has 2 groups, and the five folds");
    }));
});
