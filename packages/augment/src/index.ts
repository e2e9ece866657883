export { augmentPreviousSegmentation, oneHot, operateOnLabel } from "./augment-previous.ts";
export { applyBinaryOperator, type BinaryOperator, binaryOperators } from "./ball-morphology.ts";
export { drawSpatialTransform } from "./draw-spatial-transform.ts";
export { augmentIntensities, drawFactor } from "./augment-patch.ts";
export {
  type AugmentationParameters,
  augmentationParameters,
  type FactorRange,
  type SpatialParameters,
} from "./augmentation-parameters.ts";
export { createBatchSource } from "./batch-source.ts";
export type { BatchSourceOptions, PreviousSegmentationReader } from "./batch-source-options.ts";
export { choosePatchStart, isForegroundSample, type SampledCase } from "./choose-patch.ts";
export { type BlurOptions, gaussianBlur, v2BlurRadius } from "./gaussian-blur.ts";
export { addGaussianNoise } from "./gaussian-noise.ts";
export { applyGamma, scaleBrightness, scaleContrast } from "./intensity.ts";
export { loaderPatchSize, maximumRotation } from "./loader-patch-size.ts";
export { mirrorInPlace } from "./mirror.ts";
export { readPaddedPatch } from "./read-padded-patch.ts";
export { scaledShape, writeTarget } from "./segmentation-targets.ts";
export { simulateLowResolution } from "./simulate-low-resolution.ts";
export { reachedBox, samplingMatrix, type SamplingTransform } from "./spatial-transform.ts";
export { transformImage } from "./transform-image.ts";
export { transformLabels } from "./transform-labels.ts";
export { raiseToPower } from "./power.ts";
export { removeRandomComponent, smallComponents } from "./remove-component.ts";
