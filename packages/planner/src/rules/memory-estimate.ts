import type { Topology } from "./topology.ts";

/** The network whose feature maps are counted. Lists have an entry for each resolution stage, or more. */
export interface NetworkSize {
  readonly topology: Topology;
  readonly kind: "plain" | "residual";
  readonly convsPerStage: readonly number[];
  readonly convsPerStageDecoder: readonly number[];
  readonly baseFeatures: number;
  readonly maximumFeatures: number;
  readonly inputChannels: number;
  /** Entries of `labels` in dataset.json, background among them. */
  readonly labels: number;
}

/** Elements of all feature maps that training holds for one sample: what stands in for GPU memory. */
export type MemoryEstimate = (network: NetworkSize) => number;

/** 32, 64, 128, … up to the maximum. */
export function featuresPerStage(stages: number, baseFeatures: number, maximum: number): number[] {
  return Array.from({ length: stages }, (_, stage) => Math.min(baseFeatures * 2 ** stage, maximum));
}

/**
 * The estimate of the paper-era code: encoder, decoder and up-convolution of each stage, the input and the output.
 *
 * @param featureCorrection - the code counts the 2D network with 30 base features although it builds 32
 * @see docs/method.md §2.6 (v1)
 */
export function paperEstimate(featureCorrection: number): MemoryEstimate {
  return ({ topology, kind, convsPerStage, convsPerStageDecoder, inputChannels, labels, ...network }) => {
    const stages = topology.strides.length;
    const convsPerBlock = kind === "plain" ? 1 : 2;
    let features = network.baseFeatures * featureCorrection;
    const shape = [...topology.patchSize];
    let total = 0;
    for (let stage = 0; stage < stages; stage++) {
      if (stage > 0) features = Math.min(2 * features, network.maximumFeatures);
      const stride = topology.strides[stage]!;
      for (let axis = 0; axis < shape.length; axis++) shape[axis] = Math.floor(shape[axis]! / stride[axis]!);
      // the bottleneck has no decoder; a network of one stage is counted as if it had one, as the code did
      const hasDecoder = stage === 0 || stage < stages - 1;
      const decoder = hasDecoder ? (convsPerStageDecoder[stage] ?? convsPerStage[stage]!) + 1 : 0;
      const maps =
        (convsPerStage[stage]! * convsPerBlock + decoder) * features + (stage === 0 ? inputChannels + labels : 0);
      total += voxels(shape) * maps;
    }
    return total;
  };
}

/**
 * nnU-Net v2's estimate: every feature map of the network that will be built, exactly.
 *
 * @see docs/method.md §2.6 (v2)
 */
export const featureMapEstimate: MemoryEstimate = (network) => {
  const { topology, kind, convsPerStage, convsPerStageDecoder } = network;
  const stages = topology.strides.length;
  const features = featuresPerStage(stages, network.baseFeatures, network.maximumFeatures);
  const shape = [...topology.patchSize];
  let total = network.labels * voxels(shape);
  if (kind === "residual") total += features[0]! * voxels(shape); // stem
  for (let stage = 0; stage < stages; stage++) {
    const stride = topology.strides[stage]!;
    for (let axis = 0; axis < shape.length; axis++) shape[axis] = Math.ceil(shape[axis]! / stride[axis]!);
    const perMap = features[stage]! * voxels(shape);
    if (kind === "plain") total += convsPerStage[stage]! * perMap;
    // two convolutions a block, and one map on the skip of a first block that changes shape
    else total += (2 * convsPerStage[stage]! + (stage > 0 ? 1 : 0)) * perMap;
    if (stage < stages - 1) total += (convsPerStageDecoder[stage]! + 1) * perMap;
  }
  return total;
};

function voxels(shape: readonly number[]): number {
  let product = 1;
  for (const extent of shape) product *= extent;
  return product;
}
