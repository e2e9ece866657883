import {
  type AugmentationSet,
  augmentationSets,
  type Averaging,
  averagings,
  type NormalizationScheme,
} from "@nnunet/core";
import {
  atLeastOne,
  atLeastZero,
  counts,
  type Domain,
  flag,
  fraction,
  fractionOrNever,
  name,
  oneOf,
  order,
  percentile,
  positive,
  positiveInteger,
  schemePerChannel,
} from "./parameter-domains.ts";

/*
 * The choices that do not depend on the dataset, each with its domain, the paper's value and, where it differs, nnU-Net
 * v2's. Every one can be overridden by name through `PlannerOptions.overrides` (paper, Supplement G).
 */

interface Parameter<T> {
  readonly domain: Domain;
  /** The paper's (Methods, "Blueprint parameters"; docs/method.md §2 where the text is silent). */
  readonly paper: T;
  /** nnU-Net v2's. */
  readonly v2: T;
}

function parameter<T>(domain: Domain, paper: T, v2 = paper): Parameter<T> {
  return { domain, paper, v2 };
}

export const parameters = {
  /** "plain": two convolutions a stage, as in the paper. "residual": the residual encoder of nnU-Net v2's presets. */
  architecture: parameter<"plain" | "residual">(oneOf("plain", "residual"), "plain"),
  /** Feature maps of the first stage; doubled at each downsampling. */
  baseFeatures: parameter(positiveInteger, 32),
  maximumFeatures2d: parameter(positiveInteger, 512),
  maximumFeatures3d: parameter(positiveInteger, 320),
  /** Convolutions (plain) or residual blocks per encoder stage; the last entry holds for all deeper stages. */
  convsPerStage: parameter<readonly number[]>(counts, [2]),
  convsPerStageDecoder: parameter<readonly number[]>(counts, [2]),
  convBias: parameter(flag, true),
  transposedConvBias: parameter(flag, false, true),
  headBias: parameter(flag, false, true),
  /** "batch": batch norms, one of the paper's variants (Figure 6). */
  norm: parameter<"instance" | "batch">(oneOf("instance", "batch"), "instance"),
  normEpsilon: parameter(positive, 1e-5),
  leakyReluSlope: parameter(atLeastZero, 0.01),
  /** Voxels below which no feature map may be downsampled. */
  minimumFeatureMapEdge: parameter(positiveInteger, 4),
  minimumBatchSize: parameter(positiveInteger, 2),
  /** A batch may hold at most this fraction of all voxels of the training cases. */
  maximumBatchFraction: parameter(fraction, 0.05),
  /** Spacing and voxel ratio beyond which data counts as anisotropic for the target spacing. */
  anisotropyThreshold: parameter(atLeastOne, 3),
  /** Percentile of the coarsest spacings that becomes the target, where data is anisotropic. */
  targetSpacingPercentile: parameter(percentile, 10),
  /**
   * The cascade is planned if the full-resolution patch covers less than this fraction of the median image. Above
   * `cascadeCoverage / cascadeMinimumShrinkage` it adds no cascade by itself: the low resolution would be dropped.
   */
  cascadeTrigger: parameter(fractionOrNever("never a cascade"), 0.125, 0.25),
  /** The low-resolution patch must cover this fraction of the median image. */
  cascadeCoverage: parameter(fraction, 0.25),
  /** Relative step by which the low-resolution spacing grows. */
  cascadeSpacingStep: parameter(positive, 0.01, 0.03),
  /** The low-resolution image must have at least this many times fewer voxels, or the cascade is dropped. */
  cascadeMinimumShrinkage: parameter(atLeastOne, 2),
  /** Median size after cropping below which normalisation uses the nonzero region alone. */
  maskThreshold: parameter(fractionOrNever("never a mask"), 0.75),
  /** Longest patch axis over axis 0 beyond which augmentation works slice by slice. */
  dummy2dThreshold: parameter(atLeastOne, 3),
  /** Spline orders of resampling, in plane and along a coarse axis. */
  imageOrder: parameter(order, 3),
  imageOrderZ: parameter(order, 0),
  segmentationOrder: parameter(oneOf(0, 1), 1),
  segmentationOrderZ: parameter(oneOf(0, 1), 0),
  probabilitiesOrder: parameter(order, 1),
  probabilitiesOrderZ: parameter(order, 0),
  /** null: decided per image. */
  forceSeparateZ: parameter<boolean | null>(oneOf(true, false, null), null),
  /** Per channel; null: by the names of the channels. */
  normalizationSchemes: parameter<readonly NormalizationScheme[] | null>(schemePerChannel, null),
  normalizeBeforeResampling: parameter(flag, false, true),
  averaging: parameter<Averaging>(oneOf(...averagings), "probabilities", "logits"),
  augmentation: parameter<AugmentationSet>(oneOf(...augmentationSets), "paper", "v2"),
  /** Name of the plans; the folders of the preprocessed data are called after it. */
  plansName: parameter(name, "nnUNetPaperPlans", "nnUNetPlans"),
};

/** A value for every parameter. */
export type Blueprint = {
  readonly [Name in keyof typeof parameters]: (typeof parameters)[Name] extends Parameter<infer T> ? T : never;
};

/** What one of the two says of every parameter. */
const blueprintOf = (era: "paper" | "v2") =>
  Object.fromEntries(Object.entries(parameters).map(([name, values]) => [name, values[era]])) as Blueprint;

export const paperBlueprint = blueprintOf("paper");
export const v2Blueprint = blueprintOf("v2");
