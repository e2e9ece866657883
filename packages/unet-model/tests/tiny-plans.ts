import type { Architecture, Configuration, DatasetJson, Plans } from "@nnunet/core";
import type { ExportMetadata } from "@nnunet/unet-model";

/** A small but complete plan around an architecture, for tests. */
export function tinyPlans(architecture: Architecture, patchSize: readonly number[]): Plans {
  const scheme = { order: 1, orderZ: 0, forceSeparateZ: null };
  const configuration: Configuration = {
    dataIdentifier: "nnUNetPlans_tiny",
    batchSize: 2,
    patchSize,
    medianImageSize: patchSize,
    spacing: patchSize.map(() => 1),
    normalizationSchemes: ["ZScore", "ZScore"],
    useMaskForNorm: [false, false],
    resamplingData: { ...scheme, order: 3 },
    resamplingSeg: scheme,
    resamplingProbabilities: scheme,
    architecture,
    batchDice: true,
    dummy2dAugmentation: false,
    normalizeBeforeResampling: false,
    averaging: "probabilities",
    augmentation: "paper",
  };
  const intensity = { mean: 0, median: 0, std: 1, min: -3, max: 3, percentile005: -2.5, percentile995: 2.5 };
  return {
    datasetName: "Dataset999_Tiny",
    plansName: "nnUNetPlans",
    planner: "test",
    ruleSet: "paper",
    originalMedianSpacing: [1, 1, 1],
    originalMedianShape: [16, 16, 16],
    transposeForward: [0, 1, 2],
    transposeBackward: [0, 1, 2],
    imageReaderWriter: "NnunetTsIO",
    foregroundIntensityPerChannel: [intensity, intensity],
    configurations: { [configurationName(patchSize)]: configuration },
    explanation: [],
  };
}

const configurationName = (patchSize: readonly number[]) => (patchSize.length === 2 ? "2d" : "3d_fullres");

export function tinyMetadata(
  architecture: Architecture,
  patchSize: readonly number[],
  folds: number[],
): ExportMetadata {
  const dataset: DatasetJson = {
    channelNames: ["T1", "T2"],
    labels: { background: 0, anterior: 1, posterior: 2 },
    numTraining: 5,
    fileEnding: ".nii.gz",
  };
  return {
    plans: tinyPlans(architecture, patchSize),
    dataset,
    configuration: configurationName(patchSize),
    folds,
    mirrorAxes: patchSize.map((_, axis) => axis),
    softwareVersion: "0.1.0",
  };
}
