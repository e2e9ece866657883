import type { AugmentationSet, Averaging, NormalizationScheme } from "@nnunet/core";

/**
 * The choices that do not depend on the dataset. Every one can be overridden by name through
 * `PlannerOptions.overrides` (paper, Supplement G).
 */
export interface Blueprint {
  /** "plain": two convolutions a stage, as in the paper. "residual": the residual encoder of nnU-Net v2's presets. */
  readonly architecture: "plain" | "residual";
  /** Feature maps of the first stage; doubled at each downsampling. */
  readonly baseFeatures: number;
  readonly maximumFeatures2d: number;
  readonly maximumFeatures3d: number;
  /** Convolutions (plain) or residual blocks per encoder stage; the last entry holds for all deeper stages. */
  readonly convsPerStage: readonly number[];
  readonly convsPerStageDecoder: readonly number[];
  readonly convBias: boolean;
  readonly transposedConvBias: boolean;
  readonly headBias: boolean;
  readonly normEpsilon: number;
  readonly leakyReluSlope: number;
  /** Voxels below which no feature map may be downsampled. */
  readonly minimumFeatureMapEdge: number;
  readonly minimumBatchSize: number;
  /** A batch may hold at most this fraction of all voxels of the training cases. */
  readonly maximumBatchFraction: number;
  /** Spacing and voxel ratio beyond which data counts as anisotropic for the target spacing. */
  readonly anisotropyThreshold: number;
  /** Percentile of the coarsest spacings that becomes the target, where data is anisotropic. */
  readonly targetSpacingPercentile: number;
  /**
   * The cascade is planned if the full-resolution patch covers less than this fraction of the median image. Above
   * `cascadeCoverage / cascadeMinimumShrinkage` it adds no cascade by itself: the low resolution would be dropped.
   */
  readonly cascadeTrigger: number;
  /** The low-resolution patch must cover this fraction of the median image. */
  readonly cascadeCoverage: number;
  /** Relative step by which the low-resolution spacing grows. */
  readonly cascadeSpacingStep: number;
  /** The low-resolution image must have at least this many times fewer voxels, or the cascade is dropped. */
  readonly cascadeMinimumShrinkage: number;
  /** Median size after cropping below which normalisation uses the nonzero region alone. */
  readonly maskThreshold: number;
  /** Longest patch axis over axis 0 beyond which augmentation works slice by slice. */
  readonly dummy2dThreshold: number;
  /** Spline orders of resampling, in plane and along a coarse axis. */
  readonly imageOrder: number;
  readonly imageOrderZ: number;
  readonly segmentationOrder: number;
  readonly segmentationOrderZ: number;
  readonly probabilitiesOrder: number;
  readonly probabilitiesOrderZ: number;
  /** null: decided per image. */
  readonly forceSeparateZ: boolean | null;
  /** Per channel; null: by the names of the channels. */
  readonly normalizationSchemes: readonly NormalizationScheme[] | null;
  readonly normalizeBeforeResampling: boolean;
  readonly averaging: Averaging;
  readonly augmentation: AugmentationSet;
  /** Name of the plans; the folders of the preprocessed data are called after it. */
  readonly plansName: string;
}

/** The paper's values (Methods, "Blueprint parameters"; docs/method.md §2 where the text is silent). */
export const paperBlueprint: Blueprint = {
  architecture: "plain",
  baseFeatures: 32,
  maximumFeatures2d: 512,
  maximumFeatures3d: 320,
  convsPerStage: [2],
  convsPerStageDecoder: [2],
  convBias: true,
  transposedConvBias: false,
  headBias: false,
  normEpsilon: 1e-5,
  leakyReluSlope: 0.01,
  minimumFeatureMapEdge: 4,
  minimumBatchSize: 2,
  maximumBatchFraction: 0.05,
  anisotropyThreshold: 3,
  targetSpacingPercentile: 10,
  cascadeTrigger: 0.125,
  cascadeCoverage: 0.25,
  cascadeSpacingStep: 0.01,
  cascadeMinimumShrinkage: 2,
  maskThreshold: 0.75,
  dummy2dThreshold: 3,
  imageOrder: 3,
  imageOrderZ: 0,
  segmentationOrder: 1,
  segmentationOrderZ: 0,
  probabilitiesOrder: 1,
  probabilitiesOrderZ: 0,
  forceSeparateZ: null,
  normalizationSchemes: null,
  normalizeBeforeResampling: false,
  averaging: "probabilities",
  augmentation: "paper",
  plansName: "nnUNetPaperPlans",
};

/** nnU-Net v2's values. */
export const v2Blueprint: Blueprint = {
  ...paperBlueprint,
  transposedConvBias: true,
  headBias: true,
  cascadeTrigger: 0.25,
  cascadeSpacingStep: 0.03,
  normalizeBeforeResampling: true,
  averaging: "logits",
  augmentation: "v2",
  plansName: "nnUNetPlans",
};
