import { type DatasetJson, type Fingerprint, InvalidArgumentError, type NormalizationScheme } from "@nnunet/core";
import { normalizationScheme } from "../rules/normalization.ts";
import type { PlanningContext } from "./plan-network.ts";

/** How the intensities of each channel are normalised. */
export interface ChannelPreprocessing {
  readonly normalizationSchemes: readonly NormalizationScheme[];
  /** Statistics from, and effect on, the nonzero region alone. */
  readonly useMaskForNorm: readonly boolean[];
}

/**
 * The normalisation of each channel by its name, and whether it is confined to the nonzero region: only where cropping
 * removed much of the images, and only for channels that are scaled image by image.
 *
 * @throws {InvalidArgumentError} if schemes were given, but not one per channel
 * @see Isensee et al. 2021, Methods, "Intensity normalization"; docs/method.md §2.9
 */
export function preprocessChannels(
  { medianRelativeSizeAfterCropping: size }: Fingerprint,
  { channelNames }: DatasetJson,
  { blueprint, ruleSet }: PlanningContext,
): ChannelPreprocessing {
  const schemes = blueprint.normalizationSchemes ?? channelNames.map(normalizationScheme);
  if (schemes.length !== channelNames.length) {
    const what = `one scheme per channel (${channelNames.join(", ")})`;
    throw new InvalidArgumentError("overrides.normalizationSchemes", what, schemes);
  }
  const cropped = size < blueprint.maskThreshold || (ruleSet.maskAtThreshold && size === blueprint.maskThreshold);
  return {
    normalizationSchemes: schemes,
    useMaskForNorm: schemes.map((scheme) => scheme === "ZScore" && cropped),
  };
}
