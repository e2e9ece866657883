import {
  type Configuration,
  elementCount,
  type LabelSet,
  memoryLimit,
  type NetworkGraph,
  refuseBeyondMemory,
  shownShape,
} from "@nnunet/core";
import { freeMemory } from "@nnunet/core/node";
import { featureMapEstimate } from "@nnunet/planner";
import { buildNetwork } from "@nnunet/unet-model";

/**
 * What onnxruntime's CPU provider takes per element of a feature map in training, float32: the maps, their gradients and
 * what its convolutions unfold. The four networks of trainer/bench/training-step.bench.mjs peaked at 4 to 6.4 times their
 * maps beside Node's own 0.25 GB; weights and what the optimiser keeps are in the rest.
 */
const COPIES = 8;

/**
 * Of networks whose weights are more than their maps: the same beside weights, momentum, gradients, and the copies that are
 * made of the weights while the graph of a step is built and loaded.
 */
const COPIES_BESIDE_WEIGHTS = 6;
const WEIGHT_COPIES = 6;

/** Bytes that a training takes at its peak, from the plan alone. */
export function trainingBytes(
  { patchSize, batchSize, architecture }: Configuration,
  inputChannels: number,
  labels: LabelSet,
  network?: NetworkGraph,
): number {
  const { strides, kernelSizes, featuresPerStage, kind, convsPerStage, convsPerStageDecoder } = architecture;
  const maps = network
    ? featureMaps(network)
    : featureMapEstimate({
        topology: { patchSize, strides, kernelSizes, divisibility: patchSize.map(() => 1) },
        kind,
        convsPerStage,
        convsPerStageDecoder,
        baseFeatures: featuresPerStage[0]!,
        maximumFeatures: Math.max(...featuresPerStage),
        inputChannels,
        labels: labels.outputChannels,
      });
  const size = { inputChannels, outputChannels: labels.outputChannels, patchSize };
  const { parameters } = network ?? buildNetwork(architecture, size);
  const weights = parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const ofMaps = (copies: number) => batchSize * (copies * maps + inputChannels * elementCount(patchSize));
  return 4 * Math.max(ofMaps(COPIES), ofMaps(COPIES_BESIDE_WEIGHTS) + WEIGHT_COPIES * weights);
}

/** Of a network of one's own, what `featureMapEstimate` counts of a U-Net. */
function featureMaps({ nodes }: NetworkGraph): number {
  const made = nodes.filter(({ kind }) => kind === "conv" || kind === "upConv").map(({ output }) => output);
  return made.reduce((sum, { channels, spatial }) => sum + channels * elementCount(spatial), 0);
}

export interface TrainingPlace {
  readonly maxMemoryGb?: number | undefined;
  readonly takenFrom: "cpu" | "gpu";
  /** Where it is not the configuration's. */
  readonly network?: NetworkGraph | undefined;
}

/**
 * Refuses a training that would not fit, before a batch is made.
 *
 * @throws {LimitError} with its numbers
 */
export function refuseLargeTraining(
  name: string,
  configuration: Configuration,
  inputChannels: number,
  labels: LabelSet,
  { maxMemoryGb, takenFrom, network }: TrainingPlace,
): void {
  if (takenFrom === "gpu") return; // the feature maps lie in its memory, of which nothing is known here
  const { patchSize, batchSize } = configuration;
  refuseBeyondMemory(
    `training ${name} (patch ${shownShape(patchSize)}, batch ${batchSize})`,
    trainingBytes(configuration, inputChannels, labels, network),
    memoryLimit(maxMemoryGb, freeMemory()),
    "plan with a smaller `gpuMemoryGb`, train with a smaller `batchSize` or fewer `baseFeatures`",
  );
}
