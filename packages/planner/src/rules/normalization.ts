import { type NormalizationScheme, normalizationSchemes } from "@nnunet/core";

/**
 * The intensity normalisation of a channel, by its name in dataset.json, whatever the case of its letters.
 *
 * CT has calibrated intensities, so one fixed scale serves all images; any other modality is scaled image by image.
 *
 * @see Isensee et al. 2021, Methods, "Intensity normalization"; docs/method.md §2.9
 */
export function normalizationScheme(channelName: string): NormalizationScheme {
  return byName.get(channelName.toLowerCase()) ?? "ZScore";
}

const byName = new Map(
  Object.entries(normalizationSchemes).map(([scheme, { channelName }]) => [
    channelName.toLowerCase(),
    scheme as NormalizationScheme,
  ]),
);
