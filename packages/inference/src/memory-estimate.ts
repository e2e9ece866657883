import { elementCount, inputChannels, labelSet, type ModelMetadata, type VolumeShape } from "@nnunet/core";
import { planesPerPart } from "./head/answer-parts.ts";
import { patchesPerRun } from "./patches-per-run.ts";

/** Bytes that `predictCase` will hold at its peak, beyond the preprocessed image and the loaded models. */
export interface PredictionMemory {
  /** The scores of the whole case, float32. */
  readonly scores: number;
  /** Patches on their way into the network, and its answers. */
  readonly patches: number;
  /** Feature maps of the network while it runs (on a GPU: in its memory). */
  readonly network: number;
  readonly total: number;
}

/** Peak of a run over the feature maps of the first stage: measured 6.4–7.3 on onnxruntime's CPU provider. */
const NETWORK_FACTOR = 7.5;

/**
 * What predicting a case will take, known before anything runs.
 *
 * @param metadata - of the model
 * @param shape - of the preprocessed case, [channel, z, y, x]
 * @param options.answersInParts - as the `Model` says: the features before the head are there instead of the whole answer
 * @example describeMemory(estimateMemory(model.metadata, preprocessed.shape)); // "0.29 GB: scores 0.01 GB, …"
 */
export function estimateMemory(
  metadata: ModelMetadata,
  shape: VolumeShape,
  options: { readonly patchesPerRun?: number; readonly answersInParts?: boolean } = {},
): PredictionMemory {
  const { patchSize, architecture } = metadata.plans.configurations[metadata.configuration]!;
  const { outputChannels } = labelSet(metadata.dataset);
  const samples = patchesPerRun(options.patchesPerRun, patchSize);
  const voxels = elementCount(patchSize);
  const features = architecture.featuresPerStage[0]!;
  const scores = 4 * outputChannels * shape[1] * shape[2] * shape[3];
  const inputs = 4 * samples * voxels * inputChannels(metadata);
  if (options.answersInParts) {
    const part = (planesPerPart(outputChannels, patchSize) / patchSize[0]!) * voxels;
    // The features, and some planes of them, with their logits in the runtime and here.
    const patches = inputs + 4 * (voxels * features + part * (features + 2 * outputChannels));
    const network = 4 * voxels * features * NETWORK_FACTOR;
    return { scores, patches, network, total: scores + patches + network };
  }
  const patches = inputs + 4 * samples * voxels * outputChannels;
  // At its end a run holds the last features and its answer, which is then copied.
  const network = 4 * samples * voxels * Math.max(NETWORK_FACTOR * features, features + outputChannels);
  return { scores, patches, network, total: scores + patches + network };
}

/** The estimate as a sentence part: "0.29 GB: scores 0.01 GB, network 0.28 GB, patches 0.01 GB". */
export function describeMemory({ scores, patches, network, total }: PredictionMemory): string {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  return `${gigabytes(total)}: scores ${gigabytes(scores)}, network ${gigabytes(network)}, patches ${gigabytes(patches)}`;
}
