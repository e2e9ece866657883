import { join } from "node:path";
import { type AugmentationParameters, checkParameters } from "@nnunet/augment";
import {
  type BatchSource,
  type BatchSourceOptions,
  type Configuration,
  FileError,
  InvalidArgumentError,
  labelSet,
  type NetworkGraph,
  type RawDataset,
  type Splits,
  type StageOptions,
  threadCount,
} from "@nnunet/core";
import { usableCores } from "@nnunet/core/node";
import { storedHash } from "@nnunet/preprocess";
import type { TrainingSettings } from "@nnunet/trainer";
import { outputScales, outputScalesOf } from "@nnunet/unet-model";
import type { PreviousSegmentations } from "../cascade/previous-segmentations.ts";
import { createBatchWorkers } from "../workers/batch-workers.ts";
import { openSource, type SourceDescription } from "../workers/source-description.ts";
import { placeOf } from "../workers/stage-place.ts";
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
        `case ${id} is not preprocessed, or its files are damaged; run \`preprocess(${dataset.id}, ${configuration})\` first`,
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

/** @throws {InvalidArgumentError} for an option that there is not, or a parameter that is left out or no value of its kind */
export function checkSampling(sampling: SamplingSettings | undefined): void {
  if (sampling === undefined) return;
  const known = ["augmentation", "foregroundOversampling"];
  const odd = Object.keys(sampling).find((key) => !known.includes(key));
  if (odd !== undefined) throw new InvalidArgumentError("sampling", `keys of ${known.join(", ")}`, odd);
  if (sampling.augmentation !== undefined) checkParameters(sampling.augmentation, "sampling.augmentation");
}

export interface FoldBatchesOptions extends StageOptions {
  readonly settings: Pick<TrainingSettings, "seed" | "iterationsPerEpoch" | "validationIterations">;
  readonly sampling?: SamplingSettings | undefined;
  readonly workers?: number | undefined;
  /** In a cascade: what the first network found in the cases. */
  readonly previous?: PreviousSegmentations | undefined;
  /** Where it is not the configuration's. */
  readonly network?: NetworkGraph | undefined;
}

/** Training and validation batches, made in worker threads where the sampler can travel there. */
export async function foldBatches(
  { batchSampler }: Stages,
  casesFolder: string,
  split: Splits[number],
  configuration: Configuration,
  dataset: RawDataset,
  { settings, sampling, workers, previous, network, ...options }: FoldBatchesOptions,
): Promise<BatchSource[]> {
  const shared = {
    configuration,
    labels: labelSet(dataset.json),
    seed: settings.seed,
    outputScales: network ? outputScalesOf(network) : outputScales(configuration.architecture),
    ...sampling,
  };
  const described = (mode: "training" | "validation", caseIds: readonly string[]): SourceDescription => ({
    ...shared,
    mode,
    caseIds,
    ...(previous && { previousFolders: caseIds.map((id) => previous.ofCase.get(id)!.folder) }),
  });
  const sources = [described("training", split.train), described("validation", split.val)];
  const place = placeOf(batchSampler, defaultStages.batchSampler, "train", options);
  if (!place.workers) {
    return Promise.all(sources.map((source) => openSource(batchSampler, casesFolder, source)));
  }
  return createBatchWorkers({
    casesFolder,
    sources,
    stage: place.module,
    iterations: [settings.iterationsPerEpoch, settings.validationIterations],
    workers: workers === undefined ? Math.max(1, Math.min(8, usableCores() - 1)) : threadCount("workers", workers),
  });
}
