import { createHash } from "node:crypto";
import {
  type Configuration,
  type DatasetJson,
  elementCount,
  inputChannels,
  modelDatasetToJson,
  type ModelMetadata,
  type Plans,
  type PreprocessedCase,
  plansToJson,
  type Shape3,
} from "@nnunet/core";
import { type TinyModel, tinyOnnx } from "./tiny-onnx.ts";

/** A plan with one configuration, as the planner would write it, for a network that is not a U-Net at all. */
export function tinyMetadata(
  patchSize: readonly number[],
  changes: {
    readonly configuration?: Partial<Configuration>;
    readonly labels?: DatasetJson["labels"];
    readonly channels?: number;
    readonly mirrorAxes?: readonly number[];
  } = {},
): ModelMetadata {
  const {
    channels = 1,
    labels = { background: 0, a: 1, b: 2 },
    mirrorAxes = patchSize.map((_, axis) => axis),
  } = changes;
  const ones = patchSize.map(() => 1);
  const threes = patchSize.map(() => 3);
  const channelNames = Array.from({ length: channels }, (_, i) => `MR${i}`);
  const resampling = { order: 1, orderZ: 0, forceSeparateZ: null };
  const configuration: Configuration = {
    dataIdentifier: "tiny",
    batchSize: 2,
    patchSize,
    medianImageSize: patchSize,
    spacing: ones,
    normalizationSchemes: channelNames.map(() => "NoNormalization" as const),
    useMaskForNorm: channelNames.map(() => false),
    resamplingData: { ...resampling, order: 3 },
    resamplingSeg: resampling,
    resamplingProbabilities: resampling,
    architecture: {
      kind: "plain",
      featuresPerStage: [4, 8],
      kernelSizes: [threes, threes],
      strides: [ones, patchSize.map(() => 2)],
      convsPerStage: [2, 2],
      convsPerStageDecoder: [2],
      convBias: true,
      transposedConvBias: false,
      headBias: false,
      normEpsilon: 1e-5,
      leakyReluSlope: 0.01,
    },
    batchDice: false,
    dummy2dAugmentation: false,
    normalizeBeforeResampling: false,
    averaging: "probabilities",
    augmentation: "paper",
    ...changes.configuration,
  };
  const intensities = { mean: 0, median: 0, std: 1, min: -5, max: 5, percentile005: -4, percentile995: 4 };
  const plans: Plans = {
    datasetName: "Dataset900_Tiny",
    plansName: "nnUNetPlans",
    planner: "default",
    ruleSet: "paper",
    originalMedianSpacing: [1, 1, 1],
    originalMedianShape: [8, 8, 8],
    transposeForward: [0, 1, 2],
    transposeBackward: [0, 1, 2],
    imageReaderWriter: "SimpleITKIO",
    foregroundIntensityPerChannel: channelNames.map(() => intensities),
    configurations: { tiny: configuration },
    explanation: [],
  };
  return {
    plans,
    dataset: {
      channelNames,
      labels,
      fileEnding: ".nii.gz",
      ...(Object.values(labels).some((v) => typeof v !== "number") ? { regionsClassOrder: [1, 2] } : {}),
    },
    configuration: "tiny",
    folds: [0],
    mirrorAxes,
    softwareVersion: "0.1.0",
    weightsSha256: "00",
  };
}

/**
 * The bytes of a model.onnx around the given nodes; shapes are what the metadata say unless overridden.
 *
 * @param carried - entries of the metadata that replace the right ones, or come on top
 */
export function tinyModelBytes(
  metadata: ModelMetadata,
  network: Pick<TinyModel, "nodes" | "weights"> & Partial<TinyModel>,
  outputChannels: number,
  carried: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { patchSize } = metadata.plans.configurations[metadata.configuration]!;
  return tinyOnnx({
    inputShape: ["n", inputChannels(metadata), ...patchSize],
    outputShape: ["n", outputChannels, ...patchSize],
    metadata: {
      "nnunet.plans": JSON.stringify(plansToJson(metadata.plans)),
      "nnunet.dataset": JSON.stringify(modelDatasetToJson(metadata.dataset)),
      "nnunet.configuration": metadata.configuration,
      "nnunet.folds": JSON.stringify(metadata.folds),
      "nnunet.mirror_axes": JSON.stringify(metadata.mirrorAxes),
      "nnunet.version": metadata.softwareVersion,
      "nnunet.weights_sha256": weightsSha256(network.weights),
      ...carried,
    },
    ...network,
  });
}

function weightsSha256(weights: TinyModel["weights"]): string {
  const hash = createHash("sha256");
  for (const { values } of Object.values(weights)) hash.update(new Uint8Array(new Float32Array(values).buffer));
  return hash.digest("hex");
}

/** logits[k] = Σ matrix[k][c] · input[c] + bias[k], voxel by voxel: mirroring and patches cannot change it. */
export function pointwise(matrix: readonly (readonly number[])[], bias: readonly number[], axes: number) {
  const ones = Array.from({ length: axes }, () => 1);
  return {
    nodes: [{ op: "Conv", inputs: ["input", "w", "b"], output: "logits" }],
    weights: {
      w: { shape: [matrix.length, matrix[0]!.length, ...ones], values: matrix.flat() },
      b: { shape: [bias.length], values: bias },
    },
  };
}

/** logits[k] = factor[k, voxel of the patch] · input: what a voxel gets depends on where it lies in the patch. */
export function positional(patchSize: readonly number[], factors: readonly number[]) {
  return {
    nodes: [{ op: "Mul", inputs: ["input", "f"], output: "logits" }],
    weights: { f: { shape: [1, factors.length / elementCount(patchSize), ...patchSize], values: factors } },
  };
}

export function preprocessedCase(data: Float32Array, channels: number, size: Shape3): PreprocessedCase {
  return {
    data,
    shape: [channels, ...size],
    properties: {
      id: "case_1",
      geometry: { spacing: [1, 1, 1], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
      originalShape: size,
      transposeForward: [0, 1, 2],
      shapeBeforeCropping: size,
      cropBox: size.map((n) => [0, n] as const),
      shapeAfterCropping: size,
      spacingAfterTranspose: [1, 1, 1],
      spacingAfterResampling: [1, 1, 1],
      classLocations: {},
    },
  };
}
