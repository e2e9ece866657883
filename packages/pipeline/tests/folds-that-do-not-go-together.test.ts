import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Plans, RawDataset, Splits } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { type Pipeline, preprocessedPaths, type TrainOptions } from "@nnunet/pipeline";
import { unlikeTrainings } from "../src/selection/unlike-trainings.ts";
import { preprocessTiny, tinyTraining } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

let scratch: string;
let pipeline: Pipeline;
let dataset: RawDataset;
let plans: Plans;
let files: ReturnType<typeof preprocessedPaths>;
let splits: Splits;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  ({ pipeline, dataset, plans } = await preprocessTiny(scratch));
  files = preprocessedPaths(pipeline.folders, dataset.name);
  ({ splits } = await pipeline.split(dataset));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const train = (fold: number, epochs = 1, existing: TrainOptions["existing"] = "overwrite") =>
  pipeline.train(dataset, plans, "3d_fullres", fold, {
    ...tinyTraining,
    settings: { ...tinyTraining.settings, epochs },
    existing,
  });
const configurations = ["3d_fullres"];

test("find-best tells of folds that were trained with other options", async () => {
  await train(0);
  await train(1, 2, "update");
  const output = join(scratch, "unlike");
  const { warnings } = await pipeline.findBest(dataset, plans, { configurations, output });
  const sentence =
    "fold 1 of 3d_fullres was trained with other options than fold 0 (epochs 2 instead of epochs 1), so that the mean of the folds is the score of no training; train it again with the same";
  expect(warnings).toContain(sentence);
  expect(await readFile(join(output, "predictor.json"), "utf8")).toContain(sentence);
  await train(1);
  const alike = await pipeline.findBest(dataset, plans, { configurations, output: join(scratch, "alike") });
  expect(alike.warnings.filter((text) => text.includes("other options"))).toEqual([]);
});

test("find-best refuses folds that are validated on one case, which would count twice", async () => {
  const [shared] = splits[0]!.val;
  const overlapping = splits.map(({ train: ids, val }, fold) =>
    fold === 1 ? { train: ids.filter((id) => id !== shared), val: [...val, shared!].sort() } : { train: ids, val },
  );
  await writeJsonAtomic(files.splits, overlapping);
  try {
    await train(0);
    await train(1);
    await expect(pipeline.findBest(dataset, plans, { configurations })).rejects.toThrow(
      `fold 1 is validated on ${shared}, as fold 0 is, and the case would count twice; name folds that share no case by \`folds\`, or correct splits_final.json and train again`,
    );
    await pipeline.findBest(dataset, plans, { configurations, folds: [0], output: join(scratch, "one") });
  } finally {
    await writeJsonAtomic(files.splits, splits);
  }
});

test("groups that were told are kept together by splits that were changed afterwards, too", async () => {
  const [first, second] = [splits[0]!.val[0]!, splits[0]!.train[0]!];
  const ids = dataset.trainingCases.map(({ id }) => id);
  const groups = Object.fromEntries(ids.map((id) => [id, id === second ? first : id]));
  await writeJsonAtomic(files.groups, groups);
  try {
    const sentence = `${files.splits}: fold 0 trains on ${second} and validates on ${first}, both of group ${first} by ${files.groups}; correct the one file or, if the cases do not belong together, move the other away`;
    await expect(train(0)).rejects.toThrow(sentence);
    await expect(pipeline.split(dataset)).rejects.toThrow(sentence);
    await expect(pipeline.findBest(dataset, plans, { configurations })).rejects.toThrow(sentence);
  } finally {
    await rm(files.groups);
  }
  expect(await readJson(files.splits)).toEqual(splits);
});

test("configurations that were not trained equally long are told", async () => {
  const trained = async (configuration: string, epochs: readonly number[]) => {
    const modelFolder = join(scratch, "lengths", configuration);
    for (const [fold, count] of epochs.entries()) {
      const recipe = { epochs: count, iterationsPerEpoch: 50 };
      await mkdir(join(modelFolder, `fold_${fold}`), { recursive: true });
      await writeJsonAtomic(join(modelFolder, `fold_${fold}`, "made_from.json"), { recipe });
    }
    return { configuration, modelFolder, folds: [...epochs.keys()] };
  };
  const [flat, full] = [await trained("2d", [40, 40]), await trained("3d_fullres", [20, 20])];
  expect(await unlikeTrainings([flat, full])).toEqual([
    "the configurations were not trained equally long (2d for 2,000 steps, 3d_fullres for 1,000 steps): which of them is better may be a question of that",
  ]);
  expect(await unlikeTrainings([flat, await trained("3d_lowres", [40, 40])])).toEqual([]);
});
