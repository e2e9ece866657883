import { createRandom } from "@nnunet/core";
import { loadModel } from "@nnunet/inference";
import { buildNetwork, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";

/** A preprocessed case of one channel of noise, [z, y, x] voxels. */
export function noiseCase(size) {
  const random = createRandom(1);
  const data = Float32Array.from({ length: size[0] * size[1] * size[2] }, () => random.normal());
  return { data, shape: [1, ...size], properties: { id: "noise" } };
}

/** An untrained U-Net of four (3D) or five (2D) stages, opened. */
export async function randomModel(setting) {
  return loadModel(randomModelBytes(setting));
}

/** The same as a model.onnx. */
export function randomModelBytes({ patchSize, features, classes, averaging }) {
  const axes = patchSize.length;
  const stages = axes === 3 ? 4 : 5;
  const each = (value) => patchSize.map(() => value);
  const architecture = {
    kind: "plain",
    featuresPerStage: Array.from({ length: stages }, (_, i) => Math.min(features * 2 ** i, 320)),
    kernelSizes: Array.from({ length: stages }, () => each(3)),
    strides: Array.from({ length: stages }, (_, i) => each(i === 0 || (patchSize.includes(40) && i === 4) ? 1 : 2)),
    convsPerStage: Array(stages).fill(2),
    convsPerStageDecoder: Array(stages - 1).fill(2),
    convBias: true,
    transposedConvBias: false,
    headBias: false,
    normEpsilon: 1e-5,
    leakyReluSlope: 0.01,
  };
  const resampling = { order: 1, orderZ: 0, forceSeparateZ: null };
  const configuration = {
    dataIdentifier: "bench",
    batchSize: 2,
    patchSize,
    medianImageSize: patchSize,
    spacing: each(1),
    normalizationSchemes: ["NoNormalization"],
    useMaskForNorm: [false],
    resamplingData: { ...resampling, order: 3 },
    resamplingSeg: resampling,
    resamplingProbabilities: resampling,
    architecture,
    batchDice: false,
    dummy2dAugmentation: false,
    normalizeBeforeResampling: false,
    averaging,
    augmentation: "paper",
  };
  const labels = Object.fromEntries(
    Array.from({ length: classes }, (_, i) => [i === 0 ? "background" : `label${i}`, i]),
  );
  const intensities = { mean: 0, median: 0, std: 1, min: -5, max: 5, percentile005: -4, percentile995: 4 };
  const graph = buildNetwork(architecture, { inputChannels: 1, outputChannels: classes, patchSize });
  const metadata = {
    plans: {
      datasetName: "Dataset999_Bench",
      plansName: "nnUNetPlans",
      planner: "default",
      ruleSet: "paper",
      originalMedianSpacing: [1, 1, 1],
      originalMedianShape: [64, 64, 64],
      transposeForward: [0, 1, 2],
      transposeBackward: [0, 1, 2],
      imageReaderWriter: "SimpleITKIO",
      foregroundIntensityPerChannel: [intensities],
      configurations: { bench: configuration },
      explanation: [],
    },
    dataset: { channelNames: ["MRI"], labels, numTraining: 1, fileEnding: ".nii.gz" },
    configuration: "bench",
    folds: [0],
    mirrorAxes: patchSize.map((_, axis) => axis),
    softwareVersion: "0.1.0",
  };
  return writeOnnxModel(graph, [initialiseWeights(graph, createRandom(0))], metadata);
}
