import { expect, test } from "@jest/globals";
import { createBatchSource } from "@nnunet/augment";
import { labelSet, type TrainingBatch } from "@nnunet/core";
import { openDataset } from "@nnunet/io";
import { createBatchWorkers, createPipeline, preprocessedPaths, type SourceDescription } from "@nnunet/pipeline";
import { openPreprocessedCase } from "@nnunet/preprocess";
import { foldersIn, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

const order = [
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 0],
  [5, 2], // out of order: a training continued elsewhere
] as const;

test("batches from worker threads are those of this thread, bit for bit, whatever the number of workers", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    const pipeline = createPipeline({}, folders);
    await pipeline.fingerprint(dataset);
    const { plans } = await pipeline.plan(dataset);
    await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    const configuration = plans.configurations["3d_fullres"]!;
    const casesFolder = preprocessedPaths(folders, dataset.name).cases(configuration.dataIdentifier);
    const caseIds = dataset.trainingCases.map((files) => files.id);
    const description: SourceDescription = {
      configuration,
      labels: labelSet(dataset.json),
      seed: 3,
      mode: "training",
      outputScales: [configuration.patchSize.map(() => 1), configuration.patchSize.map(() => 0.5)],
      batchSize: 2,
      caseIds,
    };
    const { caseIds: _, ...options } = description;
    const cases = await Promise.all(caseIds.map((id) => openPreprocessedCase(casesFolder, id)));
    const here = createBatchSource({ ...options, cases });
    const expected: TrainingBatch[] = [];
    for (const [epoch, iteration] of order) expected.push(await here.batch(epoch, iteration));

    for (const workers of [1, 2]) {
      const sources = [description, { ...description, mode: "validation" as const }];
      const [training, validation] = createBatchWorkers({ casesFolder, sources, workers, iterations: [3, 1] });
      try {
        for (const [i, [epoch, iteration]] of order.entries()) {
          expect(await training!.batch(epoch, iteration)).toEqual(expected[i]);
        }
        expect((await validation!.batch(0, 0)).caseIds).toHaveLength(2);
      } finally {
        await training!.close();
        await validation!.close();
      }
    }

    // ended in the middle of things, as by Ctrl-C: batches are still being made, and nothing is thrown
    for (let i = 0; i < 5; i++) {
      const [source] = createBatchWorkers({ casesFolder, sources: [description], workers: 2, iterations: [3] });
      await source!.batch(0, 0);
      await source!.close();
    }
  }));

test("an error in a worker arrives as the error that it was", () =>
  withScratch(async (scratch) => {
    const [source] = createBatchWorkers({
      casesFolder: scratch,
      sources: [
        {
          configuration: {
            patchSize: [8, 8, 8],
            batchSize: 1,
            dummy2dAugmentation: false,
            useMaskForNorm: [false],
            augmentation: "paper",
          },
          labels: labelSet({
            channelNames: ["x"],
            labels: { background: 0, a: 1 },
            numTraining: 1,
            fileEnding: ".nii.gz",
          }),
          seed: 0,
          mode: "training",
          outputScales: [[1, 1, 1]],
          caseIds: ["missing_1"],
        },
      ],
      workers: 1,
      iterations: [1],
    });
    await expect(source!.batch(0, 0)).rejects.toMatchObject({
      code: "FILE",
      message: expect.stringContaining("missing_1"),
    });
    await source!.close();
  }));
