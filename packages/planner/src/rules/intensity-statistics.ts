import {
  type Fingerprint,
  type IntensityProperties,
  InvalidArgumentError,
  type NormalizationScheme,
  normalizationSchemes,
} from "@nnunet/core";

/** Whose weight is the same in the statistics of the foreground's intensities: that of each voxel, or of each case. */
export type IntensityWeights = "voxels" | "cases";

/** The field of the fingerprint, and what to do where it is missing. */
const statistics = {
  voxels: {
    field: "pooledForegroundIntensityPerChannel",
    what: "statistics of all foreground voxels, by which these rules normalise; nnU-Net v2 does not measure them. Measure with `fingerprint()`, or plan by the rules v2",
  },
  cases: {
    field: "foregroundIntensityPerChannel",
    what: "statistics of the voxels that nnU-Net v2 draws, equally many from every case, by which these rules normalise; an earlier nnunet-ts did not measure them. Measure anew with `fingerprint()`",
  },
} as const;

/**
 * The statistics that a plan carries. nnU-Net v2 draws equally many voxels from every case, so that a small tumour counts as
 * much as a large one; the paper pools all voxels.
 *
 * Where no channel is normalised by them, those that are there serve: the schema wants some.
 *
 * @throws {InvalidArgumentError} if a channel needs them, and the fingerprint has the others only
 * @see docs/method.md §1
 */
export function intensityStatistics(
  fingerprint: Fingerprint,
  weights: IntensityWeights,
  schemes: readonly NormalizationScheme[],
): readonly IntensityProperties[] {
  const { field, what } = statistics[weights];
  const own = fingerprint[field];
  if (own) return own;
  const isUsed = schemes.some((scheme) => normalizationSchemes[scheme].usesStatistics);
  if (isUsed) throw new InvalidArgumentError(`fingerprint.${field}`, what, own);
  const other = weights === "voxels" ? statistics.cases : statistics.voxels;
  return fingerprint[other.field]!;
}
