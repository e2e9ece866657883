import { appendFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import type { RawDataset } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { summaryFromJson, summaryFromText, summaryToText } from "@nnunet/evaluate";
import { openDataset, readImage, writeImage } from "@nnunet/io";
import { createPipeline, type Fold, type Pipeline, resultsPaths, type RunOptions } from "@nnunet/pipeline";
import { foldersIn, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

jest.setTimeout(120_000);

const plansName = "nnUNetPaperPlans";

/** What a trained and validated fold leaves, without its training: predictions that are `shift` voxels off. */
async function writeFold(
  pipeline: Pipeline,
  dataset: RawDataset,
  configuration: string,
  fold: Fold,
  ids: readonly string[],
  { shift = 0, remark }: { readonly shift?: number; readonly remark?: string } = {},
): Promise<void> {
  const paths = resultsPaths(pipeline.folders, dataset.name, plansName, configuration).fold(fold);
  await mkdir(paths.validation, { recursive: true });
  const pairs = [];
  for (const id of ids) {
    const { label } = dataset.trainingCases.find((files) => files.id === id)!;
    const volume = await readImage(label!);
    const prediction = join(paths.validation, `${id}.nii.gz`);
    await writeImage(prediction, { ...volume, data: volume.data.map((_, i) => volume.data[i - shift] ?? 0) });
    pairs.push({ reference: label!, prediction });
  }
  await pipeline.evaluate(pairs, dataset.json, paths.summary, { remark });
  const epoch = (n: number, trainLoss: number) =>
    JSON.stringify({ epoch: n, trainLoss, validationLoss: trainLoss + 0.1, pseudoDice: [0.5, null], seconds: 2 });
  const lines = [epoch(0, 1), epoch(1, 5), epoch(1, 0.5), '{"epoch":2,"trai'];
  await appendFile(join(paths.folder, "training_log.ndjson"), lines.join("\n"));
}

async function plannedDataset(scratch: string) {
  const folders = foldersIn(scratch);
  const dataset = await openDataset(await writeTinyDataset(folders.raw));
  const pipeline = createPipeline({}, folders);
  await pipeline.fingerprint(dataset);
  const { plans } = await pipeline.plan(dataset);
  return { pipeline, dataset, plans };
}

test("pools the folds of each configuration, shows the best one's cases, and gives no case names away", () =>
  withScratch(async (scratch) => {
    const { pipeline, dataset, plans } = await plannedDataset(scratch);
    await writeFold(pipeline, dataset, "3d_fullres", 0, ["tiny_0", "tiny_3"]);
    await writeFold(pipeline, dataset, "3d_fullres", 1, ["tiny_1", "tiny_4"], { shift: 1 });
    await writeFold(pipeline, dataset, "2d", 0, ["tiny_0", "tiny_3"], { shift: 1 });
    await writeFold(pipeline, dataset, "2d", 1, ["tiny_1", "tiny_4"], { shift: 2 });
    const { path, data } = await pipeline.report(dataset, plans);
    expect(path).toBe(join(pipeline.folders.results, dataset.name, `report__${plansName}.html`));
    expect(data.candidates.map(({ configurations, folds, dice }) => [configurations, folds, dice.cases])).toEqual([
      [["3d_fullres"], [0, 1], 4],
      [["2d"], [0, 1], 4],
    ]);
    expect(data.candidates.map(({ chosenIsBetter, certainty }) => [chosenIsBetter, certainty])).toEqual([
      [null, null],
      [null, "too few cases"],
    ]);
    expect(await readFile(path, "utf8")).toContain("Too few cases to tell which is better");
    expect(await readFile(path, "utf8")).not.toMatch(/A (clear|close) choice/);
    expect(data.scores!.cases.map(({ number, fold }) => [number, fold])).toEqual([
      [1, 0],
      [4, 0],
      [2, 1],
      [5, 1],
    ]);
    const [best] = data.scores!.cases;
    // 4 × 5 × 5 voxels of 2 mm³
    expect(best!.labels[0]).toMatchObject({ dice: 1, referenceMl: 0.2, predictedMl: 0.2 });
    expect(data.shownCases.map(({ role }) => role)).toEqual(["best", "median", "worst"]);
    expect(data.shownCases[0]!.slices[0]!.png).toMatch(/^iVBORw0KGgo/);
    // The epoch that was logged twice counts once, as it was the last time; a line that is cut off is passed over.
    expect(data.trainings[0]!.epochs.map(({ epoch, trainLoss }) => [epoch, trainLoss])).toEqual([
      [0, 1],
      [1, 0.5],
    ]);
    const page = await readFile(path, "utf8");
    expect(page).not.toContain("tiny_");
    expect(page).not.toContain(scratch);
    expect(page).toContain("data:image/png;base64,");
    expect(page).toContain("How good is it?");
    expect(JSON.stringify(data)).not.toContain("tiny_");
  }));

test("with --case-names cases are called by their ids; without pictures no image is in the page", () =>
  withScratch(async (scratch) => {
    const { pipeline, dataset, plans } = await plannedDataset(scratch);
    await writeFold(pipeline, dataset, "2d", 0, ["tiny_0", "tiny_3"], { shift: 1 });
    const { path } = await pipeline.report(dataset, plans, { caseNames: true, pictures: false });
    const page = await readFile(path, "utf8");
    expect(page).toContain("case 4 (tiny_3)");
    expect(page).not.toContain("data:image");
  }));

test("an earlier report is replaced, a page of somebody's is not", () =>
  withScratch(async (scratch) => {
    const { pipeline, dataset, plans } = await plannedDataset(scratch);
    const output = join(scratch, "page.html");
    await pipeline.report(dataset, plans, { output });
    await pipeline.report(dataset, plans, { output });
    await writeFile(output, "<p>mine</p>");
    await expect(pipeline.report(dataset, plans, { output })).rejects.toThrow(
      `${output}: exists already and is no report; choose another output, or have it replaced`,
    );
    expect(await readFile(output, "utf8")).toBe("<p>mine</p>");
    await pipeline.report(dataset, plans, { output, overwrite: true });
    expect(await readFile(output, "utf8")).toContain("Nothing has been scored yet");
  }));

test("before there is a plan, and after a prediction was taken away, it says so", () =>
  withScratch(async (scratch) => {
    const { pipeline, dataset, plans } = await plannedDataset(scratch);
    const before = await pipeline.report(dataset, undefined);
    expect(before.path).toBe(join(pipeline.folders.results, dataset.name, "report.html"));
    expect(before.data.warnings).toEqual(["There is no plan yet, so nothing is trained."]);
    await writeFold(pipeline, dataset, "2d", 0, ["tiny_0"], { shift: 1 });
    const { validation } = resultsPaths(pipeline.folders, dataset.name, plansName, "2d").fold(0);
    await rm(join(validation, "tiny_0.nii.gz"));
    const { data } = await pipeline.report(dataset, plans);
    expect(data.scores!.cases).toHaveLength(1);
    expect(data.shownCases).toEqual([]);
    expect(data.warnings.join(" ")).toContain("best case cannot be shown");
  }));

test("a fold of a random division, or of all cases, is not pooled with a cross-validation; alone it carries its remark", () =>
  withScratch(async (scratch) => {
    const { pipeline, dataset, plans } = await plannedDataset(scratch);
    const remark = "These are training cases.";
    await writeFold(pipeline, dataset, "2d", "all", ["tiny_0", "tiny_1"], { remark });
    const alone = await pipeline.report(dataset, plans);
    expect(alone.data.scores!.remarks).toEqual([remark]);
    await writeFold(pipeline, dataset, "2d", 0, ["tiny_2"], { shift: 1 });
    const { data } = await pipeline.report(dataset, plans);
    expect(data.scores!.cases.map(({ number }) => number)).toEqual([3]);
    expect(data.scores!.remarks).toEqual([]);
  }));

test("a fold of an earlier division of the cases is not pooled with those of today's", () =>
  withScratch(async (scratch) => {
    const { pipeline, dataset, plans } = await plannedDataset(scratch);
    const ids = dataset.trainingCases.map(({ id }) => id);
    const splits = ids.map((id) => ({ train: ids.filter((other) => other !== id), val: [id] }));
    await writeJsonAtomic(join(pipeline.folders.preprocessed, dataset.name, "splits_final.json"), splits);
    await writeFold(pipeline, dataset, "2d", 0, [ids[0]!], { shift: 1 });
    await writeFold(pipeline, dataset, "2d", 1, [ids[2]!], { shift: 2 });
    const { data } = await pipeline.report(dataset, plans);
    expect(data.scores!.cases.map(({ number }) => number)).toEqual([1]);
    await rm(join(pipeline.folders.results, dataset.name), { recursive: true });
    await writeFold(pipeline, dataset, "2d", 1, [ids[2]!], { shift: 2 });
    const alone = await pipeline.report(dataset, plans);
    expect(alone.data.scores!.remarks).toEqual([
      "Fold 1 was trained or validated on other cases than splits_final.json has for it now.",
    ]);
  }));

test("a run ends with its report, which has the time and memory of its jobs; a second run has nothing to do", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const folder = await writeTinyDataset(folders.raw);
    const pipeline = createPipeline({}, folders);
    const tiny: RunOptions = {
      configurations: ["3d_fullres"],
      folds: [0],
      baseFeatures: 2,
      batchSize: 2,
      settings: { epochs: 1, iterationsPerEpoch: 2, validationIterations: 1 },
      workers: 1,
    };
    const { report, dataset } = await pipeline.run(folder, tiny);
    const page = await readFile(report, "utf8");
    expect(page).toContain("Time and memory");
    expect(page).toMatch(/train 3d_fullres 0<\/th><td>done<\/td><td>[\d.]+ s<\/td><td>[\d.]+ GB/);
    expect(page).not.toContain("tiny_");
    // the network that was trained is drawn, not the planned one, and the difference is told
    expect(page).toMatch(
      /3d_fullres was trained with another network or batch than planned: features 2 4[ \d]* instead of 32 64[ \d]*/,
    );
    expect(page).toMatch(/\b2 filters/);
    const { jobs } = await pipeline.status(dataset);
    expect(jobs.filter(({ state }) => state.is !== "done")).toEqual([]);
    const again = await pipeline.run(folder, tiny);
    expect((await readFile(again.report, "utf8")).length).toBe(page.length);
  }));

test("after a selection it says what was chosen and why, also of an ensemble; with other scores since, that it is to be made again", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const folder = await writeTinyDataset(folders.raw);
    const pipeline = createPipeline({}, folders);
    const { dataset } = await pipeline.run(folder, {
      configurations: ["2d", "3d_fullres"],
      folds: [0, 1],
      baseFeatures: 2,
      batchSize: 2,
      settings: { epochs: 1, iterationsPerEpoch: 2, validationIterations: 1 },
      workers: 1,
    });
    const plans = await pipeline.loadPlans(dataset, plansName);
    const best = await pipeline.findBest(dataset, plans); // the run did it already
    expect(best.made).toBe(false);
    const { data, path } = await pipeline.report(dataset, plans);
    expect(data.choice).toMatchObject({ configurations: best.configurations, by: "selection" });
    expect(data.choice!.reasons[0]).toBe(best.chosen);
    expect(data.candidates.map(({ configurations }) => configurations)).toEqual(
      best.ranking.map(({ configurations }) => configurations),
    );
    for (const [i, { score }] of best.ranking.entries()) expect(data.candidates[i]!.dice.mean).toBeCloseTo(score, 12);
    expect(data.scores!.configurations).toEqual(best.configurations);
    expect(data.scores!.shows).toBe("what is handed over");
    expect(data.scores!.cases.length).toBe(best.validation!.cases.length);
    expect(data.postprocessing.length).toBeGreaterThan(0);
    expect(data.tests.map(({ configurations }) => configurations)).toEqual([best.configurations]);
    expect(await readFile(path, "utf8")).toContain("Postprocessing that was tried");

    const { summary } = resultsPaths(folders, dataset.name, plansName, "2d").fold(0);
    const scores = summaryFromText(await readFile(summary, "utf8"), summary);
    const [first, ...others] = scores.cases;
    const better = { ...first!, metrics: { ...first!.metrics, "1": { ...first!.metrics["1"]!, dice: 0.123 } } };
    await writeFile(summary, summaryToText({ ...scores, cases: [better, ...others] }));
    const changed = await pipeline.report(dataset, plans);
    expect(changed.data.choice!.by).toBe("highest mean");
    expect(changed.data.warnings.join(" ")).toContain("was made from other scores than lie here now");
  }));

test("scores and pictures are those after postprocessing, where find-best kept them; else it says that they are not", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const folder = await writeTinyDataset(folders.raw);
    const pipeline = createPipeline({}, folders);
    const { dataset } = await pipeline.run(folder, {
      configurations: ["3d_fullres"],
      folds: [0],
      baseFeatures: 2,
      batchSize: 2,
      settings: { epochs: 1, iterationsPerEpoch: 2, validationIterations: 1 },
      workers: 1,
    });
    const plans = await pipeline.loadPlans(dataset, plansName);
    // predictions as of a network that finds every structure, and a spot beside it, which postprocessing takes away
    const { validation, summary } = resultsPaths(folders, dataset.name, plansName, "3d_fullres").fold(0);
    // whoever changes predictions is found out, unless they are of another tool
    const madeFrom = join(validation, "made_from.json");
    const { predictions: _, ...record } = (await readJson(madeFrom)) as Record<string, unknown>;
    await writeJsonAtomic(madeFrom, record);
    for (const { predictionFile } of summaryFromJson(await readJson(summary), summary).cases) {
      const name = predictionFile.split("/").at(-1)!;
      const { label } = dataset.trainingCases.find(({ id }) => name.startsWith(`${id}.`))!;
      const volume = await readImage(label!);
      const data = volume.data.slice();
      data[data.length - 1] = 1;
      await writeImage(join(validation, name), { ...volume, data }, { overwrite: true });
    }
    const best = await pipeline.findBest(dataset, plans);
    const { data } = await pipeline.report(dataset, plans);
    expect(data.postprocessing.some(({ accepted }) => accepted)).toBe(true);
    expect(data.candidates[0]!.dice.mean).toBeLessThan(1);
    expect(data.scores).toMatchObject({ shows: "what is handed over", dice: { mean: 1 } });
    expect(data.shownCases[0]).toMatchObject({ dice: 1, slices: [{ missed: "", added: "", confused: "" }] });
    await rm(best.crossval!, { recursive: true });
    const without = await pipeline.report(dataset, plans);
    expect(without.data.scores!.shows).toBe("before postprocessing");
    expect(without.data.scores!.dice.mean).toBe(data.candidates[0]!.dice.mean);
  }));

test("says that cases were grouped, and by what, without naming a group or a folder; groups are what intervals count", () =>
  withScratch(async (scratch) => {
    const { pipeline, dataset, plans } = await plannedDataset(scratch);
    const ids = dataset.trainingCases.map(({ id }) => id);
    const groups = Object.fromEntries(ids.map((id, i) => [id, `anna_${i}`]));
    const { splits } = await pipeline.split(dataset, { groups, groupedBy: `${scratch}/patients.csv:patient` });
    await writeFold(pipeline, dataset, "2d", 0, splits[0]!.val, { shift: 1 });
    const { data, path } = await pipeline.report(dataset, plans);
    expect(data.division).toEqual({ groups: 6, isKept: true, by: "the column patient of a table" });
    const page = await readFile(path, "utf8");
    expect(page).toContain("Cases that belong together stayed together: 6 groups, by the column patient of a table.");
    expect(page).not.toMatch(/anna|patients\.csv/);

    // told otherwise since: cases of one group are on both sides
    await writeFold(pipeline, dataset, "2d", 1, splits[1]!.val, { shift: 1 });
    const ofOne = Object.fromEntries([...splits[0]!.val, ...splits[1]!.val].map((id) => [id, "anna_0"]));
    const preprocessed = join(pipeline.folders.preprocessed, dataset.name);
    await writeJsonAtomic(join(preprocessed, "case_groups.json"), { ...groups, ...ofOne });
    const divided = await pipeline.report(dataset, plans);
    expect(divided.data.division).toMatchObject({ isKept: false });
    expect(divided.data.scores!.independentCases).toBe(1);
    expect(divided.data.scores!.dice.low).toBe(null);
  }));

test("says what a budget gave up, a label that is not found, and that trainings by seed are not validated", () =>
  withScratch(async (scratch) => {
    const { pipeline, dataset, plans } = await plannedDataset(scratch);
    const sentences = ["Folds 3 and 4 were not trained."];
    await mkdir(join(pipeline.folders.results, dataset.name), { recursive: true });
    await writeJsonAtomic(join(pipeline.folders.results, dataset.name, `given_up__${plansName}.json`), {
      budget: "60 min",
      givenUp: sentences,
    });
    await pipeline.split(dataset, { seeds: 2 });
    await writeFold(pipeline, dataset, "2d", 0, ["tiny_0", "tiny_1"], { shift: 100_000, remark: "Seen in training." });
    const { data, path } = await pipeline.report(dataset, plans);
    expect(data.givenUp).toEqual({ budget: "60 min", sentences });
    expect(data.scores!.isOfTrainingCases).toBe(true);
    expect(data.scores!.labels.map(({ isFound }) => isFound)).toEqual(data.scores!.labels.map(() => false));
    const page = await readFile(path, "utf8");
    for (const alarm of ["Not validated.", "It finds nothing."]) expect(page).toContain(`<strong>${alarm}</strong>`);
    const again = await pipeline.report(dataset, plans);
    expect(await readFile(again.path, "utf8")).toBe(page);
  }));
