import type { RandomGenerator, Shape3 } from "@nnunet/core";
import type { AugmentationParameters, FactorRange } from "./augmentation-parameters.ts";
import { gaussianBlur, v2BlurRadius } from "./gaussian-blur.ts";
import { addGaussianNoise } from "./gaussian-noise.ts";
import { applyGamma, scaleBrightness, scaleContrast } from "./intensity.ts";
import { simulateLowResolution } from "./simulate-low-resolution.ts";

/** A factor from its range. */
export function drawFactor({ low, high, draw }: FactorRange, random: RandomGenerator): number {
  if (draw === "uniform") return random.uniform(low, high);
  return random.chance(0.5) ? random.uniform(low, 1) : random.uniform(1, high);
}

/**
 * The augmentations after rotation and scaling, in the paper's order, on one patch in place: noise, blur, brightness,
 * contrast, low resolution, gamma, inverted gamma.
 *
 * @param data - [channel, z, y, x]; quickest in `patchMemory`
 * @param inPlane - simulate low resolution in y and x alone
 * @see paper, Supplement D, steps 2–7
 */
export function augmentIntensities(
  data: Float32Array,
  shape: Shape3,
  parameters: AugmentationParameters,
  inPlane: boolean,
  random: RandomGenerator,
): void {
  const voxels = shape[0] * shape[1] * shape[2];
  const channels: Float32Array[] = [];
  for (let at = 0; at < data.length; at += voxels) channels.push(data.subarray(at, at + voxels));
  const { noise, blur, brightness, contrast, lowResolution, gamma } = parameters;

  if (random.chance(noise.probability)) {
    const drawn = random.uniform(noise.low, noise.high);
    const deviation = noise.drawn === "variance" ? Math.sqrt(drawn) : drawn;
    for (const channel of channels) addGaussianNoise(channel, deviation, random, channel);
  }
  if (random.chance(blur.probability)) {
    for (const channel of channels) {
      if (!random.chance(blur.channelProbability)) continue;
      const first = random.uniform(blur.low, blur.high);
      const next = () => (blur.sigmaPerAxis ? random.uniform(blur.low, blur.high) : first);
      const options =
        blur.boundary === "reflect" ? { boundary: blur.boundary, radius: v2BlurRadius } : { boundary: blur.boundary };
      gaussianBlur(channel, shape, [first, next(), next()], options, channel);
    }
  }
  if (random.chance(brightness.probability)) {
    for (const channel of channels) scaleBrightness(channel, drawFactor(brightness.factor, random), channel);
  }
  if (random.chance(contrast.probability)) {
    for (const channel of channels) {
      scaleContrast(channel, drawFactor(contrast.factor, random), contrast.around, channel);
    }
  }
  if (random.chance(lowResolution.probability)) {
    for (const channel of channels) {
      if (!random.chance(lowResolution.channelProbability)) continue;
      const drawn = random.uniform(lowResolution.low, lowResolution.high);
      const zoom = lowResolution.drawn === "factor" ? 1 / drawn : drawn;
      simulateLowResolution(channel, shape, zoom, { upsampling: lowResolution.upsampling, inPlane }, channel);
    }
  }
  for (const inverted of gamma.invertedFirst ? [true, false] : [false, true]) {
    if (!random.chance(inverted ? gamma.invertedProbability : gamma.probability)) continue;
    for (const channel of channels) {
      const { keepStatistics } = gamma;
      applyGamma(channel, drawFactor(gamma.gamma, random), { inverted, keepStatistics }, channel);
    }
  }
}
