import {
  axisAlignedGeometry,
  type Configuration,
  createRandom,
  type DatasetJson,
  type LoadedCase,
  type Plans,
  type Shape3,
  type Spacing,
} from "@nnunet/core";

export const dataset: DatasetJson = {
  channelNames: ["MR"],
  labels: { background: 0, ball: 1, core: 2 },
  numTraining: 1,
  fileEnding: ".nii.gz",
};

/** Plans with one configuration; what preprocessing does not read is filled with the simplest value. */
export function makePlans(
  changes: Partial<Configuration> = {},
  transposeForward: readonly number[] = [0, 1, 2],
): Plans {
  const scheme = { order: 3, orderZ: 0, forceSeparateZ: null };
  const configuration: Configuration = {
    dataIdentifier: "x",
    batchSize: 2,
    patchSize: [8, 8, 8],
    medianImageSize: [8, 8, 8],
    spacing: [1, 1, 1],
    normalizationSchemes: ["ZScore"],
    useMaskForNorm: [false],
    resamplingData: scheme,
    resamplingSeg: { ...scheme, order: 1 },
    resamplingProbabilities: { ...scheme, order: 1 },
    architecture: {
      kind: "plain",
      featuresPerStage: [4],
      kernelSizes: [[3, 3, 3]],
      strides: [[1, 1, 1]],
      convsPerStage: [2],
      convsPerStageDecoder: [],
      convBias: true,
      transposedConvBias: false,
      headBias: false,
      normEpsilon: 1e-5,
      leakyReluSlope: 0.01,
    },
    batchDice: false,
    dummy2dAugmentation: false,
    normalizeBeforeResampling: true,
    averaging: "probabilities",
    augmentation: "paper",
    ...changes,
  };
  return {
    datasetName: "Dataset001_Test",
    plansName: "plans",
    planner: "test",
    ruleSet: "paper",
    originalMedianSpacing: [1, 1, 1],
    originalMedianShape: [8, 8, 8],
    transposeForward,
    transposeBackward: [0, 1, 2].map((axis) => transposeForward.indexOf(axis)),
    imageReaderWriter: "NibabelIO",
    foregroundIntensityPerChannel: [
      { mean: 80, median: 80, std: 20, min: 0, max: 200, percentile005: 20, percentile995: 150 },
    ],
    configurations: { test: configuration },
    explanation: [],
  };
}

/** A ball with a core in a noisy box of nonzero voxels, inside a margin of zeros. */
export function makeCase(shape: Shape3, spacing: Spacing, { channels = 1, margin = 2, seed = 0 } = {}): LoadedCase {
  const random = createRandom(seed, "case");
  const [depth, height, width] = shape;
  const image = new Float32Array(channels * depth * height * width);
  const label = new Int16Array(depth * height * width);
  for (let z = 0, i = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const at = [z, y, x];
        if (at.some((v, a) => v < margin || v >= shape[a]! - margin)) continue;
        const r = Math.hypot(...at.map((v, a) => (v - (shape[a]! - 1) / 2) / (shape[a]! / 2)));
        if (r < 0.6) label[i] = r < 0.3 ? 2 : 1;
        for (let c = 0; c < channels; c++) image[c * label.length + i] = 100 + 50 * label[i]! + random.uniform(1, 20);
      }
    }
  }
  const geometry = axisAlignedGeometry(spacing);
  return {
    id: "case_1",
    image: { data: image, shape: [channels, ...shape], geometry },
    label: { data: label, shape: [1, ...shape], geometry },
  };
}
