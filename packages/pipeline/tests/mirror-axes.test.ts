import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { augmentationParameters } from "@nnunet/augment";
import { modelMetadataFromOnnx } from "@nnunet/core";
import { foldPaths, resultsPaths } from "@nnunet/pipeline";
import { mirroredInTraining } from "../src/training/mirror-axes.ts";
import { preprocessTiny, tinyTraining, withScratch } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(480_000);

// A network without augmentation was mirrored in prediction: on hippocampi its Dice fell from 0.88 to 0.17.
test("a model is mirrored in prediction only as it was in training", () =>
  withScratch(async (scratch) => {
    const { folders, dataset, pipeline, plans: mirrored } = await preprocessTiny(scratch);
    const { plans: plain } = await pipeline.plan(dataset, {
      variant: "plain",
      overrides: { augmentation: "none" },
      training: { baseFeatures: 2, batchSize: 2 },
    });
    const axesOf = async (fold: number, plans: typeof plain, sampling = {}) => {
      const { model } = await pipeline.train(dataset, plans, "3d_fullres", fold, { ...tinyTraining, sampling });
      return modelMetadataFromOnnx(await readFile(model), model).mirrorAxes;
    };
    expect(await axesOf(0, plain)).toEqual([]);
    expect(await axesOf(0, mirrored)).toEqual([0, 1, 2]);
    const augmentation = { ...augmentationParameters.paper, mirror: { probability: 0 } };
    expect(await axesOf(1, mirrored, { augmentation })).toEqual([]);
    // their mean is mirrored as all of them were
    const { folder, fold } = resultsPaths(folders, dataset.name, mirrored.plansName, "3d_fullres");
    const output = join(scratch, "mean.onnx");
    await pipeline.exportModel(folder, "3d_fullres", [0, 1], output);
    expect(modelMetadataFromOnnx(await readFile(output), output).mirrorAxes).toEqual([]);
    // of a training of an earlier version, the plan says it
    const record = fold(0).madeFrom;
    await writeFile(record, JSON.stringify({ ...JSON.parse(await readFile(record, "utf8")), mirrorAxes: undefined }));
    expect(await mirroredInTraining([fold(0)], mirrored.configurations["3d_fullres"]!)).toEqual([0, 1, 2]);
    const nowhere = foldPaths(join(scratch, "nowhere"));
    expect(await mirroredInTraining([nowhere], plain.configurations["3d_fullres"]!)).toEqual([]);
  }));
