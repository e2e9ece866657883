import { type Fingerprint, median, shownIntensities } from "@nnunet/core";

/** One property of several datasets. */
export interface ComparedProperty {
  readonly property: string;
  /** One per dataset, as measured; undefined where a fingerprint lacks it. */
  readonly values: readonly (number | undefined)[];
  /** One per dataset: distance from the mean over the datasets in standard deviations; 0 if all are alike. */
  readonly zScores: readonly (number | undefined)[];
}

interface Property {
  readonly name: string;
  /** z-scores are taken of the logarithm: sizes, counts and ratios spread over orders of magnitude. */
  readonly logarithmic: boolean;
  readonly of: (fingerprint: Fingerprint) => number | undefined;
}

const properties: readonly Property[] = [
  { name: "training cases", logarithmic: true, of: (f) => f.spacings.length },
  { name: "channels", logarithmic: false, of: (f) => shownIntensities(f).length },
  { name: "classes", logarithmic: false, of: (f) => f.numberOfClasses },
  { name: "rarest class, share of voxels", logarithmic: true, of: rarestClass },
  ...["z", "y", "x"].map((axis, i) => ({
    name: `size ${axis}, voxels`,
    logarithmic: true,
    of: (f: Fingerprint) => median(f.shapesAfterCrop.map((shape) => shape[i]!)),
  })),
  ...["z", "y", "x"].map((axis, i) => ({
    name: `spacing ${axis}, mm`,
    logarithmic: true,
    of: (f: Fingerprint) => median(f.spacings.map((spacing) => spacing[i]!)),
  })),
  {
    name: "anisotropy of spacing",
    logarithmic: true,
    of: (f) => median(f.spacings.map((spacing) => Math.max(...spacing) / Math.min(...spacing))),
  },
  { name: "size after / before cropping", logarithmic: false, of: (f) => f.medianRelativeSizeAfterCropping },
];

/** Every property of the fingerprints, in their order. */
export function comparedProperties(fingerprints: readonly Fingerprint[]): ComparedProperty[] {
  return properties.map(({ name, logarithmic, of }) => {
    const values = fingerprints.map(of);
    return { property: name, values, zScores: zScores(values.map((v) => (v && logarithmic ? Math.log(v) : v))) };
  });
}

/** Share of the rarest foreground label among all labelled voxels. */
function rarestClass({ classRatios }: Fingerprint): number | undefined {
  const foreground = Object.entries(classRatios ?? {}).filter(([id, ratio]) => id !== "0" && ratio > 0);
  return foreground.length === 0 ? undefined : Math.min(...foreground.map(([, ratio]) => ratio));
}

function zScores(values: readonly (number | undefined)[]): (number | undefined)[] {
  const known = values.filter((v) => v !== undefined);
  const mean = known.reduce((sum, v) => sum + v, 0) / known.length;
  const std = Math.sqrt(known.reduce((sum, v) => sum + (v - mean) ** 2, 0) / known.length);
  // equal values may differ from their mean by a rounding error
  const alike = std <= 1e-12 * Math.abs(mean);
  return values.map((v) => (v === undefined ? undefined : alike ? 0 : (v - mean) / std));
}
