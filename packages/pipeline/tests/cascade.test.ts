import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { type DatasetJson, datasetToJson, modelMetadataFromOnnx, type NnunetEvent } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { openDataset, readImage } from "@nnunet/io";
import {
  createPipeline,
  loadPredictor,
  predictorOf,
  preprocessedPaths,
  resultsPaths,
  type TrainOptions,
} from "@nnunet/pipeline";
import { readPreprocessedCase } from "@nnunet/preprocess";
import { foldersIn, tinyJson, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(300_000);

const tiny: TrainOptions = {
  baseFeatures: 2,
  settings: { epochs: 1, iterationsPerEpoch: 3, validationIterations: 1 },
  workers: 1,
};
const [low, second] = ["3d_lowres", "3d_cascade_fullres"];

/** Four training cases in two folds, preprocessed; their plan has a cascade, by a small memory and an early trigger. */
async function cascadeDataset(scratch: string, json?: DatasetJson) {
  const folders = foldersIn(scratch);
  const cases = {
    name: "Dataset007_Tiny",
    prefix: "tiny",
    trainingCases: 4,
    testCases: 1,
    shape: [8, 20, 20],
  } as const;
  const folder = await writeTinyDataset(folders.raw, cases);
  const splits = [
    { train: ["tiny_0", "tiny_1"], val: ["tiny_2", "tiny_3"] },
    { train: ["tiny_2", "tiny_3"], val: ["tiny_0", "tiny_1"] },
  ];
  await writeJsonAtomic(join(folder, "splits_final.json"), splits);
  if (json) await writeJsonAtomic(join(folder, "dataset.json"), datasetToJson(json));
  const dataset = await openDataset(folder);
  const pipeline = createPipeline({}, folders);
  await pipeline.fingerprint(dataset);
  const { plans } = await pipeline.plan(dataset, {
    gpuMemoryGb: 0.006,
    overrides: { cascadeTrigger: 0.9, cascadeCoverage: 0.99, cascadeMinimumShrinkage: 1.2 },
  });
  await pipeline.preprocess(dataset, plans, [low, second]);
  const paths = (configuration: string) => resultsPaths(folders, dataset.name, plans.plansName, configuration);
  const train = (configuration: string, fold: number | "all", options: TrainOptions = {}) =>
    pipeline.train(dataset, plans, configuration, fold, { ...tiny, ...options });
  const found = (fold: number | "all") => join(paths(low).fold(fold).folder, "predicted_next_stage", second);
  return { folders, folder, dataset, pipeline, plans, paths, train, found, images: join(folder, "imagesTs") };
}

function listener() {
  const told: string[] = [];
  return { told, onEvent: (event: NnunetEvent) => event.type === "message" && told.push(event.text) };
}

const weights = async (path: string) => modelMetadataFromOnnx(await readFile(path), path);

test("a cascade from its plan to its predictions, and what is refused on the way", () =>
  withScratch(async (scratch) => {
    const { folders, dataset, pipeline, plans, paths, train, found, images } = await cascadeDataset(scratch);
    expect(plans.configurations[second]!.previousConfiguration).toBe(low);

    // the second network before the first
    const lowFolder = paths(low).folder;
    await expect(train(second, 0)).rejects.toThrow(
      `${lowFolder}: folds 0, 1 are not trained to the end, and 3d_cascade_fullres is trained on what 3d_lowres finds in cases that it has not seen; first run \`train(7, 3d_lowres, 0)\`, and the same for 1`,
    );
    await train(low, 0);
    await expect(train(second, 0)).rejects.toThrow(`fold 1 is not trained to the end`);
    await train(low, 1);
    await expect(readdir(paths(second).folder)).rejects.toThrow(); // nothing was begun

    // every case was segmented by the fold that had not seen it, and lies on the grid of the second network
    expect((await readdir(found(0))).sort()).toEqual(["made_from.json", "tiny_2.zarr", "tiny_3.zarr"]);
    expect((await readdir(found(1))).sort()).toEqual(["made_from.json", "tiny_0.zarr", "tiny_1.zarr"]);
    const kept = await readPreprocessedCase(found(0), "tiny_2");
    expect(kept.shape).toEqual([0, 8, 20, 20]);
    const seen = await readImage(join(paths(low).fold(0).validation, "tiny_2.nii.gz"));
    expect([...kept.seg!]).toEqual([...seen.data]); // the same grid as the image's here: nothing to resample

    const { validation } = await train(second, 0);
    expect(validation.remark).toBeUndefined();
    await train(second, 1);
    const lowWeights = [await weights(paths(low).fold(0).model), await weights(paths(low).fold(1).model)];
    const ofSecond = await weights(paths(second).fold(0).model);
    expect(ofSecond.previousStage).toEqual({
      configuration: low,
      weightsSha256: lowWeights.map(({ weightsSha256 }) => weightsSha256),
    });

    // it is validated with the one fold of the first network that had not seen the case
    const parts = await Promise.all([0, 1].map((fold) => loadPredictor(paths(low).fold(fold).model)));
    const alone = await loadPredictor(paths(second).fold(0).folder);
    expect(alone.members[0].previous).toHaveLength(2);
    const honest = predictorOf([{ models: alone.members[0].models, previous: parts[0]!.members[0].models }]);
    const scan = join(scratch, "scan");
    await mkdir(scan);
    await writeFile(join(scan, "tiny_2.nii.gz"), await readFile(join(images, "../imagesTr/tiny_2_0000.nii.gz")));
    const [again] = await pipeline.predict(honest, scan, join(scratch, "again"));
    const validated = await readImage(join(paths(second).fold(0).validation, "tiny_2.nii.gz"));
    expect((await readImage(again!)).data).toEqual(validated.data);
    for (const part of parts) await part.dispose();
    await alone.dispose();

    // from the model folder, and from an exported pair: the same
    const whole = await loadPredictor(paths(second).folder);
    expect(whole.members[0].models).toHaveLength(2);
    expect(whole.members[0].previous).toHaveLength(2);
    const [fromFolder] = await pipeline.predict(whole, images, join(scratch, "from folder"));
    await whole.dispose();
    const exported = join(scratch, "given", "tiny.onnx");
    await mkdir(join(scratch, "given"));
    const pair = await pipeline.exportModel(paths(second).folder, second, [0, 1], exported);
    expect(pair).toEqual([exported, join(scratch, "given", "tiny.3d_lowres.onnx")]);
    const given = await loadPredictor(exported);
    expect(given.files).toEqual(pair);
    const [fromPair] = await pipeline.predict(given, images, join(scratch, "from pair"));
    await given.dispose();
    const [a, b] = [await readImage(fromFolder!), await readImage(fromPair!)];
    const differing = a.data.filter((label, i) => label !== b.data[i]).length;
    expect(differing / a.data.length).toBeLessThan(0.001); // the folds' mean is rounded elsewhere
    await rename(pair[1]!, join(scratch, "given", "elsewhere.onnx"));
    await expect(loadPredictor(exported)).rejects.toThrow(
      `${exported}: is the second network of a cascade (3d_cascade_fullres), and the first, 3d_lowres, is not beside it as tiny.3d_lowres.onnx; put it there, or export both anew with \`export()\``,
    );

    // a label map that the disk damaged is noticed before a step is trained, and made again by the command that is told
    const chunk = join(found(1), "tiny_0.zarr", "seg/c/0/0/0/0");
    const bytes = await readFile(chunk);
    bytes[100]! ^= 1;
    await writeFile(chunk, bytes);
    await expect(train(second, 0, { existing: "overwrite" })).rejects.toThrow(
      `${found(1)}: the segmentation of case tiny_0 is damaged or missing; run \`train(7, 3d_lowres, 1, { continue })\` with the options of its training, which makes what is missing`,
    );
    await train(low, 1, { existing: "continue" });
    expect((await train(second, 0, { existing: "update" })).trained).toBe(false);

    // so is a validation segmentation that was taken away, with its label map
    await rm(join(paths(low).fold(0).validation, "tiny_3.nii.gz"));
    await rm(found(0), { recursive: true });
    await expect(train(second, 0, { existing: "overwrite" })).rejects.toThrow(
      "the segmentations that fold 0 of 3d_lowres found for 3d_cascade_fullres are missing",
    );
    await train(low, 0, { existing: "continue" });
    expect((await train(second, 0, { existing: "update" })).trained).toBe(false);

    // a plan that has another grid now, and other splits than the first network was trained with
    const coarser = { ...plans.configurations[second]!, spacing: [2.5, 1, 1] };
    const replanned = { ...plans, configurations: { ...plans.configurations, [second]: coarser } };
    await expect(pipeline.train(dataset, replanned, second, 0, { ...tiny, existing: "overwrite" })).rejects.toThrow(
      `${found(0)}: lies on another grid than 3d_cascade_fullres has by its plan now; run \`train(7, 3d_lowres, 0, { continue })\``,
    );
    const { splits } = preprocessedPaths(folders, dataset.name);
    const before = await readFile(splits);
    await writeJsonAtomic(splits, [
      { train: ["tiny_0", "tiny_2"], val: ["tiny_1", "tiny_3"] },
      { train: ["tiny_1", "tiny_3"], val: ["tiny_0", "tiny_2"] },
    ]);
    await expect(train(second, 0, { existing: "overwrite" })).rejects.toThrow(
      `${found(0)}: holds no case tiny_1, because fold 0 of 3d_lowres was trained before splits_final.json was changed; run \`train(7, 3d_lowres, 0, { overwrite })\``,
    );
    await writeJsonAtomic(splits, [{ train: ["tiny_0", "tiny_1"], val: ["tiny_2", "tiny_3"] }]);
    await expect(train(second, 0, { existing: "overwrite" })).rejects.toThrow(
      `${splits}: no fold has case tiny_0 among its validation cases, so no 3d_lowres can segment it for 3d_cascade_fullres without having seen it; add it to the val list of a fold`,
    );
    await writeFile(splits, before);

    // another first network: what was trained with the old one says so, and is trained again
    await train(low, 0, { existing: "overwrite", settings: { ...tiny.settings, seed: 5 } });
    await expect(loadPredictor(paths(second).folder)).rejects.toThrow(
      `${lowFolder}: holds another 3d_lowres than the one that ${paths(second).fold(0).model} was trained with (1 of its 2 folds is missing: ${lowWeights[0]!.weightsSha256.slice(0, 8)}, by the weights' SHA-256); train 3d_cascade_fullres again, or put that 3d_lowres back`,
    );
    const { told, onEvent } = listener();
    expect((await train(second, 0, { existing: "update", onEvent })).trained).toBe(true);
    expect(told.some((text) => text.startsWith("trained with other data, plan or options, and kept:"))).toBe(true);
    await expect(pipeline.exportModel(paths(second).folder, second, [0, 1], exported)).rejects.toThrow(
      `${paths(second).fold(1).folder}: was trained with another 3d_lowres than fold 0; train fold 0 again, or leave it out`,
    );
    // of its folder, fold 0 alone predicts; beside fold 1, which belongs to the old first network, it is refused
    const mended = await loadPredictor(paths(second).folder, { folds: [0] });
    await mended.dispose();
    await expect(loadPredictor(paths(second).folder)).rejects.toThrow("3d_cascade_fullres, fold 1 (weights");
  }));

test("with regions and an ignored label: a channel per foreground label, and fold all on its own segmentations says so", () =>
  withScratch(async (scratch) => {
    const plain = tinyJson(4);
    const labels = { background: 0, both: [1, 2], dark: [2], ignore: 3 };
    const { paths, train, found, pipeline, images } = await cascadeDataset(scratch, {
      ...plain,
      labels,
      regionsClassOrder: [1, 2],
    });
    await expect(train(second, "all")).rejects.toThrow(
      `first run \`train(7, 3d_lowres, 0)\`, and the same for 1, or \`train(7, 3d_lowres, all)\``,
    );
    await train(low, "all");
    const { validation } = await train(second, "all");
    expect(validation.remark).toContain("are of a network that had seen these cases");
    expect(await readJson(paths(second).fold("all").madeFrom)).toMatchObject({ remark: validation.remark });
    expect(await readdir(found("all"))).toHaveLength(5);
    const predictor = await loadPredictor(paths(second).folder);
    const { previous, models } = predictor.members[0];
    expect(previous).toHaveLength(1);
    // one image, two labels; two regions come out
    expect((await models[0]!.run(new Float32Array(3 * 6 * 14 * 14), [1, 3, 6, 14, 14])).shape).toEqual([
      1, 2, 6, 14, 14,
    ]);
    expect(await pipeline.predict(predictor, images, join(scratch, "out"))).toHaveLength(1);
    await predictor.dispose();
  }));
