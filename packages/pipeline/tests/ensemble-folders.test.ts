import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import {
  axisAlignedGeometry,
  createRandom,
  createVolume,
  datasetToJson,
  type DatasetJson,
  type Geometry,
  labelSet,
  modelDatasetToJson,
  type Volume,
  type VolumeShape,
} from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { ensembleProbabilities, segmentationFromProbabilities } from "@nnunet/inference";
import { readImage, writeImage } from "@nnunet/io";
import { createPipeline } from "@nnunet/pipeline";
import { openProbabilities, writeProbabilities } from "@nnunet/preprocess";
import { applyPostprocessing } from "@nnunet/postprocess";
import { foldersIn, withScratch } from "./tiny-dataset.ts";

jest.setTimeout(60_000);

const pipeline = createPipeline({}, foldersIn("nowhere"));
const dataset: DatasetJson = {
  channelNames: ["MRI"],
  labels: { background: 0, a: 1, b: 2 },
  numTraining: 0,
  fileEnding: ".nii.gz",
};
const regional: DatasetJson = {
  ...dataset,
  labels: { background: 0, whole: [1, 2, 3], core: [2, 3], active: 3 },
  regionsClassOrder: [1, 2, 3],
};
const shape: VolumeShape = [3, 4, 10, 12];
const geometry: Geometry = { ...axisAlignedGeometry([3, 1, 1]), origin: [1, 2, 3] };

const noise = (seed: number, space = shape, place = geometry): Volume<Float32Array> => {
  const random = createRandom(seed, "ensemble-folders");
  const voxels = space[1] * space[2] * space[3];
  const data = new Float32Array(space[0] * voxels);
  for (let i = 0; i < voxels; i++) {
    const draws = Array.from({ length: space[0] }, () => random.uniform());
    const sum = draws.reduce((a, b) => a + b);
    for (const [c, draw] of draws.entries()) data[c * voxels + i] = draw / sum;
  }
  return createVolume(data, space, place);
};

async function store(folder: string, id: string, { data, shape: space, geometry: place }: Volume<Float32Array>) {
  const voxels = data.length / space[0];
  await writeProbabilities(folder, id, { shape: space, geometry: place, contentHash: id }, async (write) => {
    for (let c = 0; c < space[0]; c++) await write(data.subarray(c * voxels, (c + 1) * voxels));
  });
}

const expected = (volumes: readonly Volume<Float32Array>[], json = dataset) =>
  segmentationFromProbabilities(ensembleProbabilities(volumes), labelSet(json));

/** Two folders of the same two cases. */
const twoFolders = (json: DatasetJson, work: (first: string, second: string, folder: string) => Promise<void>) =>
  withScratch(async (folder) => {
    const [first, second] = [join(folder, "a"), join(folder, "b")];
    await store(first, "x_1", noise(1));
    await store(first, "x_2", noise(2));
    // As predict keeps them, in a folder of their own.
    await store(join(second, "probabilities"), "x_1", noise(3));
    await store(join(second, "probabilities"), "x_2", noise(4));
    await writeJsonAtomic(join(first, "dataset.json"), datasetToJson(json));
    await work(first, second, folder);
  });

describe("stored probabilities of several folders", () => {
  test.each([
    ["classes", dataset],
    ["regions", regional],
  ] as const)("are averaged and decided by %s", (_, json) =>
    twoFolders(json, async (first, second, folder) => {
      const output = join(folder, "out");
      const written = await pipeline.ensemble([first, second], output);
      expect(written).toEqual([join(output, "x_1.nii.gz"), join(output, "x_2.nii.gz")]);
      const segmentation = await readImage(written[1]!);
      expect(Int16Array.from(segmentation.data)).toEqual(expected([noise(2), noise(4)], json).data);
      expect(segmentation.geometry).toMatchObject({ spacing: geometry.spacing, origin: geometry.origin });
      expect((await readdir(output)).sort()).toEqual(["dataset.json", "x_1.nii.gz", "x_2.nii.gz"]);
    }),
  );

  test("saved as images give the same, and the mean can be kept", () =>
    twoFolders(dataset, async (first, second, folder) => {
      await rm(join(second, "probabilities"), { recursive: true });
      await writeImage(join(second, "x_1_probabilities.nii.gz"), noise(3));
      await writeImage(join(second, "x_2_probabilities.nii.gz"), noise(4));
      const output = join(folder, "out");
      const [path] = await pipeline.ensemble([first, second], output, { probabilities: true });
      expect(Int16Array.from((await readImage(path!)).data)).toEqual(expected([noise(1), noise(3)]).data);
      const mean = await openProbabilities(join(output, "probabilities"), "x_1");
      const block = await mean.readBlock(1, 0);
      const voxels = shape[1] * shape[2] * shape[3];
      const wanted = ensembleProbabilities([noise(1), noise(3)]).data.subarray(voxels, 2 * voxels);
      expect(Math.max(...block.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-7);

      // A mean that was kept would be taken for that of the new segmentation.
      await expect(pipeline.ensemble([first, second], output, { overwrite: true })).rejects.toThrow(
        `${join(output, "probabilities", "x_1.zarr")}: belongs to an earlier prediction`,
      );
      await pipeline.ensemble([first, second], output, { overwrite: true, probabilities: true });
    }));

  test("of different images of one patient give one segmentation", () =>
    withScratch(async (folder) => {
      await store(folder, "p1_inphase", noise(1));
      await store(folder, "p1_outphase", noise(2));
      await store(folder, "p2_inphase", noise(3));
      const options = { dataset, groupBy: "^(p\\d+)_" };
      const written = await pipeline.ensemble([folder], join(folder, "out"), options);
      expect(written.map((path) => path.slice(-"p1.nii.gz".length))).toEqual(["p1.nii.gz", "p2.nii.gz"]);
      const segmentation = await readImage(written[0]!);
      expect(Int16Array.from(segmentation.data)).toEqual(expected([noise(1), noise(2)]).data);
      for (const [pattern, message] of [
        ["p1", "groupBy: expected a regular expression with one group"],
        ["(p)(\\d)", "groupBy: expected a regular expression with one group"],
        ["(", "groupBy: expected a regular expression with one group"],
        ["^(p1)_", "groupBy: expected a pattern that matches every case, also p2_inphase"],
      ] as const) {
        const other = pipeline.ensemble([folder], join(folder, "other"), { dataset, groupBy: pattern });
        await expect(other).rejects.toThrow(message);
      }
      const slash = pipeline.ensemble([folder], join(folder, "other"), { dataset, groupBy: "(p)" });
      expect(await slash).toHaveLength(1);
    }));

  test("that do not belong together are refused, and nothing is written", () =>
    twoFolders(dataset, async (first, second, folder) => {
      const output = join(folder, "out");
      await expect(pipeline.ensemble([first, folder], output)).rejects.toThrow(
        "holds no probabilities: neither CASE.zarr",
      );
      await expect(pipeline.ensemble([first, join(folder, "none")], output)).rejects.toThrow("no such file or folder");
      await store(second, "x_1", noise(6, [3, 4, 10, 11]));
      await store(second, "x_2", noise(6));
      const apart =
        /x_1\.zarr: expected shape \[3,4,10,12\], got \[3,4,10,11\]; one channel per class or region of the dataset, on one grid/;
      await expect(pipeline.ensemble([first, second], output)).rejects.toThrow(apart);
      await store(second, "x_1", noise(6, shape, { ...geometry, origin: [1, 2, 9] }));
      await expect(pipeline.ensemble([first, second], output)).rejects.toThrow(
        /x_1\.zarr → origin: \[1,2,9\] here, \[1,2,3\] in .*a\/x_1\.zarr; only probabilities on one grid can be averaged/,
      );
      expect((await readdir(folder)).sort()).toEqual(["a", "b"]);
    }));

  test("an output that is an input, results that exist, other labels, another grid: one sentence each", () =>
    twoFolders(dataset, async (first, second, folder) => {
      const output = join(folder, "out");
      await expect(pipeline.ensemble([first, second], first)).rejects.toThrow(
        `${first}: is one of the folders to be averaged`,
      );
      await pipeline.ensemble([first, second], output);
      await expect(pipeline.ensemble([first, second], output)).rejects.toThrow(
        "x_1.nii.gz: exists already; add `overwrite`",
      );
      expect(await pipeline.ensemble([first, second], output, { overwrite: true })).toHaveLength(2);
      await expect(pipeline.ensemble([first, second], output, { overwrite: true, dataset: regional })).rejects.toThrow(
        "belongs to something else and is never overwritten",
      );
      const four = { ...dataset, labels: { ...dataset.labels, c: 3 } };
      await expect(pipeline.ensemble([first, second], join(folder, "four"), { dataset: four })).rejects.toThrow(
        "one channel per class or region",
      );
      await store(join(second, "probabilities"), "x_3", noise(5));
      await expect(pipeline.ensemble([first, second], join(folder, "three"))).rejects.toThrow(
        `${first}: has no probabilities of x_3, as the other folders have`,
      );
      await rm(join(first, "dataset.json"));
      await expect(pipeline.ensemble([first, second], join(folder, "none"))).rejects.toThrow(
        "no dataset.json in it or above it",
      );
    }));
});

describe("a decided postprocessing", () => {
  const decided = {
    for_which_classes: [[1, 2], 1],
    min_valid_object_sizes: null,
    num_samples: 5,
    connectivity: "full",
  };
  const labels = (seed: number): Volume<Int16Array> => {
    const random = createRandom(seed, "labels");
    const data = Int16Array.from({ length: 480 }, () => Math.max(0, random.integer(-2, 3)));
    return createVolume(data, [1, 4, 10, 12], geometry);
  };
  const treated = (seed: number) =>
    applyPostprocessing(labels(seed).data, [4, 10, 12], { keepLargest: [[1, 2], [1]], connectivity: "full" });

  const segmentations = (work: (input: string, folder: string, file: string) => Promise<void>) =>
    withScratch(async (folder) => {
      const input = join(folder, "in");
      await writeImage(join(input, "x_1.nii.gz"), labels(1));
      await writeImage(join(input, "x_2.nii.gz"), labels(2));
      await writeImage(join(input, "x_1_probabilities.nii.gz"), noise(1));
      await writeJsonAtomic(join(input, "dataset.json"), datasetToJson(dataset));
      const file = join(folder, "postprocessing.json");
      await writeJsonAtomic(file, decided);
      await work(input, folder, file);
    });

  test("is applied to every segmentation of a folder, and noted beside them", () =>
    segmentations(async (input, folder, file) => {
      const output = join(folder, "out");
      const before = await readFile(join(input, "x_1.nii.gz"));
      expect(await pipeline.postprocess(input, output, file)).toHaveLength(2);
      expect(Int16Array.from((await readImage(join(output, "x_2.nii.gz"))).data)).toEqual(treated(2));
      expect(treated(2)).not.toEqual(labels(2).data);
      expect(await readFile(join(input, "x_1.nii.gz"))).toEqual(before);
      expect((await readdir(output)).sort()).toEqual([
        "dataset.json",
        "made_from.json",
        "postprocessing.json",
        "x_1.nii.gz",
        "x_2.nii.gz",
      ]);
      expect(await readJson(join(output, "postprocessing.json"))).toMatchObject({
        for_which_classes: [[1, 2], 1],
        connectivity: "full",
      });
      await expect(pipeline.postprocess(input, output, file)).rejects.toThrow(
        "x_1.nii.gz: exists already; add `overwrite`",
      );
      expect(await pipeline.postprocess(input, output, file, { overwrite: true })).toHaveLength(2);
      // the note itself, for another folder
      const note = join(output, "postprocessing.json");
      expect(await pipeline.postprocess(input, join(folder, "again"), note)).toHaveLength(2);
    }));

  test("of something else is applied to nothing: a folder that is no predictor, other labels, segmentations that have it already", () =>
    segmentations(async (input, folder, file) => {
      const [output, next] = [join(folder, "out"), join(folder, "next")];
      await pipeline.postprocess(input, output, file);
      await expect(pipeline.postprocess(input, next, output)).rejects.toThrow(
        `${output}: is no final predictor, so that nothing says whose postprocessing lies in it; name the file postprocessing.json itself`,
      );
      await expect(pipeline.postprocess(output, next, file)).rejects.toThrow(
        `${join(output, "postprocessing.json")}: says that the segmentations beside it are postprocessed already`,
      );
      await writeJsonAtomic(file, { ...decided, for_which_classes: [[1, 2], 5] });
      await expect(pipeline.postprocess(input, next, file)).rejects.toThrow(
        `${file}: treats label 5, which ${join(input, "dataset.json")} does not have`,
      );
      expect(await readdir(folder)).not.toContain("next");
    }));

  test("is not said of an ensemble that is written where postprocessed segmentations were", () =>
    segmentations(async (input, folder, file) => {
      const output = join(folder, "out");
      await pipeline.postprocess(input, output, file);
      await writeJsonAtomic(join(output, "dataset.json"), modelDatasetToJson(dataset));
      await pipeline.ensemble([input], output, { overwrite: true, groupBy: "^(x)_" });
      expect(await readdir(output)).not.toContain("postprocessing.json");
    }));

  test("is applied to one file", () =>
    segmentations(async (input, folder, file) => {
      const output = join(folder, "one.nii.gz");
      expect(await pipeline.postprocess(join(input, "x_1.nii.gz"), output, file)).toEqual([output]);
      expect(Int16Array.from((await readImage(output)).data)).toEqual(treated(1));
    }));

  test("what is no segmentation, no postprocessing, or the input itself is refused", () =>
    segmentations(async (input, folder, file) => {
      const output = join(folder, "out");
      await expect(pipeline.postprocess(input, input, file, { overwrite: true })).rejects.toThrow(
        "x_1.nii.gz: is the segmentation to be treated",
      );
      await expect(pipeline.postprocess(join(folder, "none"), output, file)).rejects.toThrow("none");
      await expect(pipeline.postprocess(input, output, join(input, "dataset.json"))).rejects.toThrow(
        "dataset.json → for_which_classes: expected a list",
      );
      await mkdir(join(folder, "empty"));
      await expect(pipeline.postprocess(join(folder, "empty"), output, file)).rejects.toThrow("no segmentation in it");
      await writeImage(
        join(folder, "half", "x.nii.gz"),
        createVolume(new Float32Array(480).fill(0.5), [1, 4, 10, 12], geometry),
      );
      await expect(pipeline.postprocess(join(folder, "half"), output, file)).rejects.toThrow(
        "a segmentation has whole label numbers only",
      );
      await mkdir(join(folder, "noted"));
      await writeFile(join(folder, "noted/postprocessing.json"), '{ "mine": 1 }');
      await copyFile(join(input, "x_1.nii.gz"), join(folder, "half", "x.nii.gz"));
      await expect(pipeline.postprocess(input, join(folder, "noted"), file)).rejects.toThrow(
        "is not what a prediction wrote there",
      );
    }));
});
