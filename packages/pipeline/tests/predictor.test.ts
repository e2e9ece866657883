import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { createVolume, labelSet } from "@nnunet/core";
import {
  defaultPredictor,
  ensembleProbabilities,
  predictImage,
  segmentationFromProbabilities,
} from "@nnunet/inference";
import { openDataset, readImage } from "@nnunet/io";
import {
  createPipeline,
  foldPaths,
  type LoadedPredictor,
  loadPredictor,
  type Pipeline,
  predictorOf,
} from "@nnunet/pipeline";
import { applyPostprocessing, defaultPostprocessor } from "@nnunet/postprocess";
import { openProbabilities } from "@nnunet/preprocess";
import { foldersIn, tinyTraining, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

let scratch: string;
let dataset: string;
let pipeline: Pipeline;
let flat: LoadedPredictor;
let full: LoadedPredictor;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  const folders = foldersIn(scratch);
  dataset = await writeTinyDataset(folders.raw, {
    name: "Dataset007_Tiny",
    prefix: "tiny",
    trainingCases: 5,
    testCases: 2,
  });
  pipeline = createPipeline({}, folders);
  const { folds } = await pipeline.run(dataset, { ...tinyTraining, configurations: ["2d", "3d_fullres"], folds: [0] });
  [flat, full] = (await Promise.all(folds.map(({ training }) => loadPredictor(training.model)))) as [
    LoadedPredictor,
    LoadedPredictor,
  ];
});
afterAll(async () => {
  await flat?.dispose();
  await full?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

describe("a predictor of two configurations", () => {
  test("decides by the mean of their probabilities, saves it, and leaves nothing else behind", () =>
    withScratch(async (folder) => {
      const both = predictorOf([...flat.members, ...full.members]);
      const input = join(dataset, "imagesTs");
      const written = await pipeline.predict(both, input, join(folder, "out"), {
        mirroring: false,
        saveProbabilities: true,
      });
      expect((await readdir(join(folder, "out"))).sort()).toEqual(
        [
          "dataset.json",
          "made_from.json",
          "plans.json",
          ...[5, 6].flatMap((i) => [`tiny_${i}.nii.gz`, `tiny_${i}_probabilities.nii.gz`]),
        ].sort(),
      );
      expect(written).toHaveLength(4);
      const image = await readImage(join(input, "tiny_5_0000.nii.gz"));
      const loaded = { id: "tiny_5", image: createVolume(Float32Array.from(image.data), image.shape, image.geometry) };
      const apart = await Promise.all(
        [flat, full].map(({ members: [{ models }] }) =>
          predictImage(models, loaded, { mirroring: false, probabilities: true }),
        ),
      );
      const mean = ensembleProbabilities(apart.map(({ probabilities }) => probabilities!));
      const expected = segmentationFromProbabilities(mean, labelSet(both.metadata.dataset));
      const segmentation = await readImage(join(folder, "out/tiny_5.nii.gz"));
      expect(Int16Array.from(segmentation.data)).toEqual(expected.data);
      const saved = await readImage(join(folder, "out/tiny_5_probabilities.nii.gz"));
      const furthest = Float32Array.from(saved.data).reduce(
        (most, value, i) => Math.max(most, Math.abs(value - mean.data[i]!)),
        0,
      );
      expect(furthest).toBeLessThan(2 ** -24);
      expect(apart.map((each) => each.segmentation.data)).not.toContainEqual(expected.data);
    }));

  test("is continued only as the same predictor", () =>
    withScratch(async (folder) => {
      const both = predictorOf([...flat.members, ...full.members]);
      const goOn = { mirroring: false, continue: true };
      const [input, output] = [join(dataset, "imagesTs"), join(folder, "out")];
      expect(await pipeline.predict(both, input, output, goOn)).toHaveLength(2);
      expect(await pipeline.predict(both, input, output, goOn)).toEqual([]);
      const keepLargest = {
        rules: "paper",
        connectivity: "face",
        keepLargest: [[1]],
        cases: 5,
        decisions: [],
      } as const;
      const treated = predictorOf(both.members, { postprocessor: defaultPostprocessor, decided: keepLargest });
      expect(await pipeline.predict(treated, input, output, goOn)).toHaveLength(2);
      expect(await pipeline.predict(treated, input, output, goOn)).toEqual([]);
    }));

  test("of other labels or channels is refused", () => {
    const [model] = full.members[0].models;
    const as = (changed: object) => ({
      ...model!,
      metadata: { ...model!.metadata, dataset: { ...model!.metadata.dataset, ...changed } },
    });
    const other = as({ labels: { background: 0, dark: 1, bright: 2 } });
    expect(() => predictorOf([...flat.members, { models: [other] }])).toThrow(
      'members: expected configurations of one dataset, with the same labels as 2d, got "3d_fullres"',
    );
    expect(() => predictorOf([...flat.members, { models: [as({ channelNames: ["CT"] })] }])).toThrow(
      "with the same channels as 2d",
    );
    expect(() => predictorOf([])).toThrow("members: expected at least one model, got []");
  });
});

test("the postprocessing comes last", () =>
  withScratch(async (folder) => {
    const input = join(dataset, "imagesTs/tiny_5_0000.nii.gz");
    const read = async (predictor: LoadedPredictor, name: string) => {
      const [path] = await pipeline.predict(predictor, input, join(folder, name), { mirroring: false });
      return readImage(path!);
    };
    const postprocessing = {
      rules: "paper",
      connectivity: "face",
      keepLargest: [[1, 2], [1]],
      cases: 5,
      decisions: [],
    } as const;
    const [raw, treated] = [
      await read(full, "raw.nii.gz"),
      await read(
        predictorOf(full.members, { postprocessor: defaultPostprocessor, decided: postprocessing }),
        "treated.nii.gz",
      ),
    ];
    const [, ...shape] = raw.shape;
    const expected = applyPostprocessing(Int16Array.from(raw.data), shape, postprocessing);
    expect(Int16Array.from(treated.data)).toEqual(expected);
    expect(expected).not.toEqual(Int16Array.from(raw.data));
  }));

test("what was done at the end lies beside the segmentations, and goes with them; a file of that name is never lost", () =>
  withScratch(async (folder) => {
    const decided = { rules: "v2", connectivity: "full", keepLargest: [[1]], cases: 5, decisions: [] } as const;
    const treated = predictorOf(full.members, { postprocessor: defaultPostprocessor, decided });
    const [images, output] = [join(dataset, "imagesTs"), join(folder, "out")];
    const note = join(output, "postprocessing.json");
    await pipeline.predict(treated, images, output, { mirroring: false });
    expect(JSON.parse(await readFile(note, "utf8"))).toMatchObject({ for_which_classes: [1], connectivity: "full" });
    await pipeline.predict(full, images, output, { mirroring: false, overwrite: true });
    expect(await readdir(output)).not.toContain("postprocessing.json");
    await writeFile(note, '{ "mine": 1 }');
    const again = pipeline.predict(treated, images, output, { mirroring: false, overwrite: true });
    await expect(again).rejects.toThrow(`${note}: is not what a prediction wrote there, and never overwritten`);
    expect(await readFile(note, "utf8")).toBe('{ "mine": 1 }');
  }));

describe("the probabilities of a fold's validation cases", () => {
  test("are made where they are missing, without another prediction of what is there, and are those of the fold", async () => {
    const opened = await openDataset(dataset);
    const plans = await pipeline.loadPlans(opened);
    const folder = dirname(full.files[0]!);
    const { probabilities, summary } = foldPaths(folder);
    const scores = await readFile(summary, "utf8");
    const again = () =>
      pipeline.train(opened, plans, "3d_fullres", 0, { ...tinyTraining, existing: "update", probabilities: true });
    const { trained } = await again();
    expect(trained).toBe(false);
    const [name] = await readdir(probabilities);
    const id = name!.replace(".zarr", "");
    const { contentHash, blocks, ...reader } = await openProbabilities(probabilities, id);
    const image = await readImage(join(dataset, "imagesTr", `${id}_0000.nii.gz`));
    const loaded = { id, image: createVolume(Float32Array.from(image.data), image.shape, image.geometry) };
    const expected = (await predictImage(full.members[0].models, loaded, { probabilities: true })).probabilities!;
    expect(reader.shape).toEqual(expected.shape);
    expect(reader.geometry).toEqual(image.geometry);
    const voxels = expected.data.length / 3;
    for (const channel of [0, 1, 2]) {
      const block = await reader.readBlock(channel, 0);
      const furthest = block.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - expected.data[channel * voxels + i]!)),
        0,
      );
      expect(furthest).toBeLessThanOrEqual(2 ** -25);
    }
    // Nothing is left to do; what is damaged is made again.
    await again();
    expect((await openProbabilities(probabilities, id)).contentHash).toBe(contentHash);
    await rm(join(probabilities, `${id}.zarr/zarr.json`));
    await again();
    expect((await openProbabilities(probabilities, id)).contentHash).toBe(contentHash);
    expect(await readFile(summary, "utf8")).toBe(scores);
  });

  test("a predictor stage that gives none is named", () =>
    withScratch(async (folder) => {
      const { onProbabilities: _, ...none } = { onProbabilities: undefined };
      const silent = {
        ...defaultPredictor,
        name: "silent",
        predictImage: (...[models, loaded]: Parameters<typeof predictImage>) => predictImage(models, loaded, none),
      };
      const own = createPipeline({ predictor: silent }, pipeline.folders);
      const both = predictorOf([...flat.members, ...full.members]);
      await expect(
        own.predict(both, join(dataset, "imagesTs"), join(folder, "out"), { mirroring: false }),
      ).rejects.toThrow(
        'stages.predictor: expected a stage that hands its 3 channels of probabilities to onProbabilities, got "silent"',
      );
      expect((await readdir(join(folder, "out"))).sort()).toEqual(["dataset.json", "made_from.json", "plans.json"]);
    }));
});
