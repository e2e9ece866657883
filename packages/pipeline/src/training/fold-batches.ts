import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type BatchSource, type Configuration, FileError, labelSet, type RawDataset, type Splits } from "@nnunet/core";
import { storedHash } from "@nnunet/preprocess";
import { outputScales } from "@nnunet/unet-model";
import { createBatchWorkers, type SourceDescription } from "../workers/batch-workers.ts";
import { openCases } from "../steps/open-cases.ts";
import { defaultStages, type Stages } from "../stages.ts";

/** Stored hashes of the preprocessed cases: what the training really sees. */
export async function preprocessedHashes(
  folder: string,
  ids: readonly string[],
  dataset: RawDataset,
  configuration: string,
): Promise<string[]> {
  const hashes: string[] = [];
  for (const id of ids) {
    const hash = await storedHash(folder, id);
    if (hash === undefined) {
      throw new FileError(
        join(folder, id),
        `case ${id} is not preprocessed, or its files are damaged; run "nnunet preprocess ${dataset.id} -c ${configuration}" first`,
      );
    }
    hashes.push(hash);
  }
  return hashes;
}

/** Training and validation batches: in worker threads with the default sampler, in this thread with another. */
export async function foldBatches(
  stages: Stages,
  casesFolder: string,
  split: Splits[number],
  configuration: Configuration,
  dataset: RawDataset,
  {
    workers,
    seed,
    iterationsPerEpoch,
    validationIterations,
  }: { workers?: number; seed: number; iterationsPerEpoch: number; validationIterations: number },
): Promise<BatchSource[]> {
  const shared = {
    configuration,
    labels: labelSet(dataset.json),
    seed,
    outputScales: outputScales(configuration.architecture),
  };
  const sources: SourceDescription[] = [
    { ...shared, mode: "training", caseIds: split.train },
    { ...shared, mode: "validation", caseIds: split.val },
  ];
  if (stages.createBatchSource !== defaultStages.createBatchSource) {
    return Promise.all(
      sources.map(async ({ caseIds, ...rest }) =>
        stages.createBatchSource({ ...rest, cases: await openCases(casesFolder, caseIds) }),
      ),
    );
  }
  return createBatchWorkers({
    casesFolder,
    sources,
    iterations: [iterationsPerEpoch, validationIterations],
    workers: workers ?? Math.max(1, Math.min(8, availableParallelism() - 1)),
  });
}
