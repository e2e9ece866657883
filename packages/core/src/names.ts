/*
 * The names that plans, settings and options may use: one list each, from which types, schemas, messages and help derive.
 */

/**
 * How the intensities of a channel are normalised. A new scheme is an entry here, its arithmetic in
 * `preprocess/src/normalize.ts`, and a test.
 *
 * - `inPlans`: nnU-Net's name in plans.json
 * - `channelName`: what a channel is called in dataset.json to be normalised so, in any case of letters; every other name
 *   means ZScore
 * - `usesStatistics`: of the foreground of all training cases
 * - `because`: what the plan's explanation says after the names of the channels
 *
 * @see Isensee et al. 2021, Methods, "Intensity normalization"; docs/method.md §2.9, §3
 */
export const normalizationSchemes = {
  CT: {
    inPlans: "CTNormalization",
    channelName: "CT",
    usesStatistics: true,
    because:
      "a CT number means the same in every scanner, so all images are cut to the range of the labelled structures (0.5th to 99.5th percentile) and scaled alike",
  },
  ZScore: {
    inPlans: "ZScoreNormalization",
    channelName: "zscore",
    usesStatistics: false,
    because: "no fixed scale, so every image is shifted to mean 0 and scaled to standard deviation 1 by itself",
  },
  NoNormalization: {
    inPlans: "NoNormalization",
    channelName: "noNorm",
    usesStatistics: false,
    because: "left as it is",
  },
  Rescale0To1: {
    inPlans: "RescaleTo01Normalization",
    channelName: "rescale_to_0_1",
    usesStatistics: false,
    because: "every image is scaled to the range 0 to 1",
  },
  RGBTo0To1: {
    inPlans: "RGBTo01Normalization",
    channelName: "rgb_to_0_1",
    usesStatistics: false,
    because: "colours 0 to 255 become 0 to 1",
  },
} as const;

export type NormalizationScheme = keyof typeof normalizationSchemes;

/** Named sets of augmentation parameters, whose values `@nnunet/augment` has. */
export const augmentationSets = ["paper", "v2", "none"] as const;

export type AugmentationSet = (typeof augmentationSets)[number];

/** What is averaged over mirrors, overlapping patches and folds. */
export const averagings = ["probabilities", "logits"] as const;

export type Averaging = (typeof averagings)[number];

/**
 * What is measured of one label in one case, and its name in `summary.json`. A new metric is an entry here, its computation
 * in `evaluate/src/case-metrics.ts`, and a test; means and files follow. A `summary.json` without it, such as nnU-Net's own, is
 * refused: what an absent value means is to be said in `evaluate/src/summary-json.ts`.
 *
 * @see docs/method.md §8
 */
export const labelMetrics = {
  dice: "Dice",
  iou: "IoU",
  truePositives: "TP",
  falsePositives: "FP",
  falseNegatives: "FN",
  trueNegatives: "TN",
  predictedVoxels: "n_pred",
  referenceVoxels: "n_ref",
} as const;

/** Counts and ratios of one label in one case. */
export type LabelMetrics = { readonly [name in keyof typeof labelMetrics]: number };
