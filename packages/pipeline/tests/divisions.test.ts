import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Plans, RawDataset, Splits } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import {
  createPipeline,
  dividedOtherwise,
  exportForV2,
  loadPredictor,
  type Pipeline,
  preprocessedPaths,
  resultsPaths,
} from "@nnunet/pipeline";
import { preprocessTiny, tinyTraining } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

let scratch: string;
let pipeline: Pipeline;
let dataset: RawDataset;
let plans: Plans;
let model: ReturnType<typeof resultsPaths>;

/** Fold 0 and 1 of one division, fold 2 after the training cases of each had been changed. */
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  ({ pipeline, dataset, plans, paths: model } = await preprocessTiny(scratch));
  const train = (fold: number) => pipeline.train(dataset, plans, "3d_fullres", fold, tinyTraining);
  await train(0);
  await train(1);
  const { splits: path } = preprocessedPaths(pipeline.folders, dataset.name);
  const splits = (await readJson(path)) as Splits;
  // every validation case stays where it is: no two folds have one in common
  await writeJsonAtomic(
    path,
    splits.map(({ train: ids, val }) => ({ train: ids.slice(1), val })),
  );
  await train(2);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const folder = (fold: number) => model.fold(fold).folder;
const sentence =
  "fold 2 was trained by another division of the cases than fold 0: splits_final.json was changed between them";

test("folds of different divisions of the cases are averaged by no export", async () => {
  const output = join(scratch, "mean.onnx");
  await expect(pipeline.exportModel(model.folder, "3d_fullres", [0, 2], output)).rejects.toThrow(
    `${folder(2)}: ${sentence}, and a mean of the two has seen in training what it is said to be validated on; train the older one again, or name folds of one division by \`folds\``,
  );
  await expect(exportForV2(model.folder, "3d_fullres", [0, 1, 2], join(scratch, "v2"))).rejects.toThrow(sentence);
  expect((await readdir(scratch)).filter((name) => name === "v2" || name.endsWith(".onnx"))).toEqual([]);
  expect(await pipeline.exportModel(model.folder, "3d_fullres", [0, 1], output)).toEqual([output]);
});

test("nor by a prediction, whether the folder, its folds or their files are named", async () => {
  await expect(loadPredictor(model.folder)).rejects.toThrow(sentence);
  await expect(loadPredictor(model.folder, { folds: [0, 2] })).rejects.toThrow(sentence);
  await expect(loadPredictor([folder(0), model.fold(2).model])).rejects.toThrow(sentence);
  for (const folds of [[0, 1], [2]]) await (await loadPredictor(model.folder, { folds })).dispose();
});

test("find-best takes those of today's division alone, also where each is validated on the same cases as before", async () => {
  const { leftOut, validation } = await pipeline.findBest(dataset, plans, { output: join(scratch, "out") });
  expect(validation!.cases).toHaveLength(1);
  expect(leftOut.find(({ configuration }) => configuration === "3d_fullres")).toEqual({
    configuration: "3d_fullres",
    folds: [0],
    reason: "trained or validated on other cases than splits_final.json has for it now",
  });
});

test("without a record of its division a fold is known by its validation cases", async () => {
  const changed = async (work: (record: object) => object) => {
    const { madeFrom } = model.fold(0);
    const before = (await readJson(madeFrom)) as object;
    await writeJsonAtomic(madeFrom, work(before));
    return () => writeJsonAtomic(madeFrom, before);
  };
  const restore = await changed(({ division: _, ...record }: { division?: unknown }) => record);
  expect(await dividedOtherwise([folder(0), folder(2)])).toBeUndefined();
  const { summary } = model.fold(2);
  const before = await readJson(summary);
  await writeJsonAtomic(summary, await readJson(model.fold(0).summary));
  expect(await dividedOtherwise([folder(0), folder(2)])).toEqual({ folder: folder(2), problem: sentence });
  await writeJsonAtomic(summary, before);
  await restore();
});

test("a fold of the same number from elsewhere goes with it only if its cases are the same", async () => {
  const own = createPipeline({}, { ...pipeline.folders, results: join(scratch, "elsewhere") });
  await own.train(dataset, plans, "3d_fullres", 0, tinyTraining);
  const other = resultsPaths(own.folders, dataset.name, plans.plansName, "3d_fullres").fold(0).folder;
  expect(await dividedOtherwise([other, folder(2)])).toBeUndefined();
  expect((await dividedOtherwise([other, folder(0)]))?.folder).toBe(folder(0));
});
