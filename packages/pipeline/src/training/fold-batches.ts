import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { AugmentationParameters } from "@nnunet/augment";
import {
  type BatchSource,
  type BatchSourceOptions,
  type Configuration,
  FileError,
  labelSet,
  type RawDataset,
  type Splits,
  type StageOptions,
} from "@nnunet/core";
import { storedHash } from "@nnunet/preprocess";
import type { TrainingSettings } from "@nnunet/trainer";
import { outputScales } from "@nnunet/unet-model";
import { createBatchWorkers, type SourceDescription } from "../workers/batch-workers.ts";
import { placeOf } from "../workers/stage-place.ts";
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

/** What of the sampler's options a training may set; plain data, part of what the training is made from. */
export type SamplingSettings = Pick<
  BatchSourceOptions<AugmentationParameters>,
  "augmentation" | "foregroundOversampling"
>;

export interface FoldBatchesOptions extends StageOptions {
  readonly settings: Pick<TrainingSettings, "seed" | "iterationsPerEpoch" | "validationIterations">;
  readonly sampling?: SamplingSettings | undefined;
  readonly workers?: number | undefined;
}

/** Training and validation batches, made in worker threads where the sampler can travel there. */
export async function foldBatches(
  { batchSampler }: Stages,
  casesFolder: string,
  split: Splits[number],
  configuration: Configuration,
  dataset: RawDataset,
  { settings, sampling, workers, ...options }: FoldBatchesOptions,
): Promise<BatchSource[]> {
  const shared = {
    configuration,
    labels: labelSet(dataset.json),
    seed: settings.seed,
    outputScales: outputScales(configuration.architecture),
    ...sampling,
  };
  const sources: SourceDescription[] = [
    { ...shared, mode: "training", caseIds: split.train },
    { ...shared, mode: "validation", caseIds: split.val },
  ];
  const place = placeOf(batchSampler, defaultStages.batchSampler, "train", options);
  if (!place.workers) {
    return Promise.all(
      sources.map(async ({ caseIds, ...rest }) =>
        batchSampler.createBatchSource({ ...rest, cases: await openCases(casesFolder, caseIds) }),
      ),
    );
  }
  return createBatchWorkers({
    casesFolder,
    sources,
    stage: place.module,
    iterations: [settings.iterationsPerEpoch, settings.validationIterations],
    workers: workers ?? Math.max(1, Math.min(8, availableParallelism() - 1)),
  });
}
