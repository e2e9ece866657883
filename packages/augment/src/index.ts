// Batches
export { createBatchSource } from "./batch-source.ts";
export { batchSourceConformance } from "./batch-source-conformance.ts";
export type { BatchSourceOptions } from "./batch-source-options.ts";
export type { AugmentedPatch } from "./augmented-patch.ts";
export { augmentationConformance } from "./augmentation-conformance.ts";
export { type Augmentation, createBatchSampler } from "./augmentation.ts";
export { defaultBatchSampler } from "./default-batch-sampler.ts";
export {
  type AugmentationParameters,
  augmentationParameters,
  type FactorRange,
  type SpatialParameters,
} from "./augmentation-parameters.ts";

export { checkParameters } from "./check-parameters.ts";

// Patches
export { choosePatchStart, isForegroundSample, type SampledCase } from "./choose-patch.ts";
export { loaderPatchSize, maximumRotation } from "./loader-patch-size.ts";
export { readPaddedPatch } from "./read-padded-patch.ts";
export { scaledShape, writeTarget } from "./segmentation-targets.ts";

// Augmentations at random, in the paper's order
export { augmentIntensities, drawFactor } from "./augment-patch.ts";
export { augmentPreviousSegmentation } from "./augment-previous.ts";
export { drawSpatialTransform } from "./draw-spatial-transform.ts";

// Each augmentation alone, at fixed parameters
export { addGaussianNoise } from "./gaussian-noise.ts";
export { type BlurOptions, gaussianBlur, v2BlurRadius } from "./gaussian-blur.ts";
export { applyGamma, scaleBrightness, scaleContrast, type SimdOption } from "./intensity.ts";
export { mirrorInPlace } from "./mirror.ts";
export { simulateLowResolution } from "./simulate-low-resolution.ts";
export { reachedBox, samplingMatrix, type SamplingTransform } from "./spatial-transform.ts";
export { transformImage } from "./transform-image.ts";
export { patchMemory } from "./voxel-simd.ts";
export { transformLabels } from "./transform-labels.ts";
export { oneHot, operateOnLabel } from "./augment-previous.ts";
export { applyBinaryOperator, type BinaryOperator, binaryOperators } from "./ball-morphology.ts";
export { removeRandomComponent, removeSmallComponents, smallComponents } from "./remove-component.ts";
