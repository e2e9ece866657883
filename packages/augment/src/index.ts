export { augmentIntensities, drawFactor, mirrorRandomly } from "./augment-patch.ts";
export {
  type AugmentationParameters,
  augmentationParameters,
  type FactorRange,
  type SpatialParameters,
} from "./augmentation-parameters.ts";
export { type BatchSourceOptions, createBatchSource } from "./batch-source.ts";
export { choosePatchStart, isForegroundSample, type SampledCase } from "./choose-patch.ts";
export { type BlurOptions, gaussianBlur, v2BlurRadius } from "./gaussian-blur.ts";
export { addGaussianNoise } from "./gaussian-noise.ts";
export { applyGamma, scaleBrightness, scaleContrast } from "./intensity.ts";
export { loaderPatchSize, maximumRotation } from "./loader-patch-size.ts";
export { mirrorInPlace } from "./mirror.ts";
export { readPaddedPatch } from "./read-padded-patch.ts";
export { scaledShape, writeTarget } from "./segmentation-targets.ts";
export { nearestIndices, simulateLowResolution } from "./simulate-low-resolution.ts";
