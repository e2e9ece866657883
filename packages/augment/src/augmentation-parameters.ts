import type { AugmentationSet } from "@nnunet/core";

/*
 * Every constant of the augmentation as plain values, so that a set can be spread, changed, and sent to a worker:
 * `{ ...augmentationParameters.paper, gamma: { ...augmentationParameters.paper.gamma, probability: 0 } }`.
 */

/** Where a factor is drawn: uniformly in [low, high], or with `halves` first a fair choice of the side of 1. */
export interface FactorRange {
  readonly low: number;
  readonly high: number;
  readonly draw: "uniform" | "halves";
}

export interface SpatialParameters {
  readonly rotationProbability: number;
  readonly scalingProbability: number;
  readonly scale: FactorRange;
  /** What a factor above 1 does. The paper says "zoom in"; the reference code multiplies sampling coordinates by it. */
  readonly factorAboveOne: "zooms-in" | "zooms-out";
  readonly imageInterpolation: "linear" | "cubic";
  /** `threshold`: each label's linear mask ≥ 0.5, later labels win. `argmax`: the label of the largest mask. */
  readonly labelInterpolation: "threshold" | "argmax";
}

export interface AugmentationParameters {
  readonly name: string;
  /**
   * 2D: how the slice of a foreground sample is drawn once its class is. `slice`: uniformly among the slices that hold
   * the class; `voxel`: through one of its voxels, so that slices with many are drawn more often.
   */
  readonly foregroundSlice: "slice" | "voxel";
  readonly spatial: SpatialParameters;
  /** Per sample; the same spread for all channels. */
  readonly noise: {
    readonly probability: number;
    readonly low: number;
    readonly high: number;
    readonly drawn: "variance" | "standardDeviation";
  };
  /** σ in voxels. */
  readonly blur: {
    readonly probability: number;
    readonly channelProbability: number;
    readonly low: number;
    readonly high: number;
    /** One σ per axis instead of one per channel. */
    readonly sigmaPerAxis: boolean;
    readonly boundary: "symmetric" | "reflect";
  };
  readonly brightness: { readonly probability: number; readonly factor: FactorRange };
  readonly contrast: {
    readonly probability: number;
    readonly factor: FactorRange;
    /** The value that a change of contrast leaves alone. */
    readonly around: "zero" | "mean";
  };
  readonly lowResolution: {
    readonly probability: number;
    readonly channelProbability: number;
    /** The factor is drawn, or its reciprocal, the zoom. */
    readonly drawn: "factor" | "zoom";
    readonly low: number;
    readonly high: number;
    readonly upsampling: "cubic" | "linear";
  };
  readonly gamma: {
    readonly probability: number;
    readonly invertedProbability: number;
    readonly gamma: FactorRange;
    readonly invertedFirst: boolean;
    /** Give the channel its old mean and standard deviation afterwards instead of its old value range. */
    readonly keepStatistics: boolean;
  };
  /** Per axis. */
  readonly mirror: { readonly probability: number };
  /** For the previous configuration's segmentation in a cascade. */
  readonly cascade: {
    readonly morphologyProbability: number;
    readonly morphologyLabelProbability: number;
    /** Draw operator and radius for each label by itself, or once for all. */
    readonly operatorPerLabel: boolean;
    /** Ball radius in voxels. */
    readonly radiusLow: number;
    readonly radiusHigh: number;
    readonly removalProbability: number;
    readonly removalLabelProbability: number;
    /** Of the small components of a label: all, or one at random. */
    readonly removed: "all" | "one";
    /** Components below this fraction of the patch's voxels are small. */
    readonly removalMaximumFraction: number;
  };
}

/** Supplement D as written and in its order; where it is silent, the paper-era code (docs/method.md §4.3). */
const paper: AugmentationParameters = {
  name: "paper",
  foregroundSlice: "slice",
  spatial: {
    rotationProbability: 0.2,
    scalingProbability: 0.2,
    scale: { low: 0.7, high: 1.4, draw: "uniform" },
    factorAboveOne: "zooms-in",
    imageInterpolation: "linear",
    labelInterpolation: "threshold",
  },
  noise: { probability: 0.15, low: 0, high: 0.1, drawn: "variance" },
  blur: {
    probability: 0.2,
    channelProbability: 0.5,
    low: 0.5,
    high: 1.5,
    sigmaPerAxis: false,
    boundary: "symmetric",
  },
  brightness: { probability: 0.15, factor: { low: 0.7, high: 1.3, draw: "uniform" } },
  contrast: { probability: 0.15, factor: { low: 0.65, high: 1.5, draw: "uniform" }, around: "zero" },
  lowResolution: {
    probability: 0.25,
    channelProbability: 0.5,
    drawn: "factor",
    low: 1,
    high: 2,
    upsampling: "cubic",
  },
  gamma: {
    probability: 0.15,
    invertedProbability: 0.15,
    gamma: { low: 0.7, high: 1.5, draw: "uniform" },
    invertedFirst: false,
    keepStatistics: false,
  },
  mirror: { probability: 0.5 },
  cascade: {
    morphologyProbability: 0.4,
    morphologyLabelProbability: 1,
    operatorPerLabel: false,
    radiusLow: 1,
    radiusHigh: 8,
    removalProbability: 0.2,
    removalLabelProbability: 1,
    removed: "all",
    removalMaximumFraction: 0.15,
  },
};

/** Today's nnU-Net (docs/method.md §4.3, column v2). */
const v2: AugmentationParameters = {
  name: "v2",
  foregroundSlice: "voxel",
  spatial: { ...paper.spatial, factorAboveOne: "zooms-out", labelInterpolation: "argmax" },
  noise: { probability: 0.1, low: 0, high: 0.1, drawn: "standardDeviation" },
  blur: { probability: 0.2, channelProbability: 0.5, low: 0.5, high: 1, sigmaPerAxis: true, boundary: "reflect" },
  brightness: { probability: 0.15, factor: { low: 0.75, high: 1.25, draw: "halves" } },
  contrast: { probability: 0.15, factor: { low: 0.75, high: 1.25, draw: "halves" }, around: "mean" },
  lowResolution: {
    probability: 0.25,
    channelProbability: 0.5,
    drawn: "zoom",
    low: 0.5,
    high: 1,
    upsampling: "linear",
  },
  gamma: {
    probability: 0.3,
    invertedProbability: 0.1,
    gamma: { low: 0.7, high: 1.5, draw: "halves" },
    invertedFirst: true,
    keepStatistics: true,
  },
  mirror: { probability: 0.5 },
  cascade: {
    ...paper.cascade,
    morphologyLabelProbability: 0.5,
    operatorPerLabel: true,
    removalLabelProbability: 0.5,
    removed: "one",
  },
};

/** Nothing fires; patches are sampled at the network's own size. For the paper's ablation "no augmentation". */
const none: AugmentationParameters = {
  ...paper,
  name: "none",
  spatial: { ...paper.spatial, rotationProbability: 0, scalingProbability: 0 },
  noise: { ...paper.noise, probability: 0 },
  blur: { ...paper.blur, probability: 0 },
  brightness: { ...paper.brightness, probability: 0 },
  contrast: { ...paper.contrast, probability: 0 },
  lowResolution: { ...paper.lowResolution, probability: 0 },
  gamma: { ...paper.gamma, probability: 0, invertedProbability: 0 },
  mirror: { probability: 0 },
  cascade: { ...paper.cascade, morphologyProbability: 0, removalProbability: 0 },
};

/** The named value sets, which `Configuration.augmentation` chooses from. */
export const augmentationParameters = { paper, v2, none } as const satisfies Record<
  AugmentationSet,
  AugmentationParameters
>;
