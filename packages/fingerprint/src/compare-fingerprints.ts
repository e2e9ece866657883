import { type Fingerprint, InvalidArgumentError } from "@nnunet/core";
import { drawComparison } from "./draw-comparison.ts";

/** One property of several datasets. */
export interface ComparedProperty {
  readonly property: string;
  /** One per dataset, as measured; undefined where a fingerprint lacks it. */
  readonly values: readonly (number | undefined)[];
  /** One per dataset: distance from the mean over the datasets in standard deviations; 0 if all are alike. */
  readonly zScores: readonly (number | undefined)[];
}

/** Several datasets side by side, as the paper's Figure 5 shows them. */
export interface FingerprintComparison {
  readonly names: readonly string[];
  readonly properties: readonly ComparedProperty[];
  /** Aligned text, one column per dataset. */
  readonly table: string;
  /** A whole SVG document: one row per property, one dot per dataset at its z-score. */
  readonly svg: string;
}

interface Property {
  readonly name: string;
  /** z-scores are taken of the logarithm: sizes, counts and ratios spread over orders of magnitude. */
  readonly logarithmic: boolean;
  readonly of: (fingerprint: Fingerprint) => number | undefined;
}

const properties: readonly Property[] = [
  { name: "training cases", logarithmic: true, of: (f) => f.spacings.length },
  { name: "channels", logarithmic: false, of: (f) => f.foregroundIntensityPerChannel.length },
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

/**
 * Sets the fingerprints of several datasets side by side.
 *
 * @param fingerprints - by the name under which each is shown
 * @throws {InvalidArgumentError} if there is none
 * @see Isensee et al. 2021, Figure 5 and Table A.1
 */
export function compareFingerprints(fingerprints: Readonly<Record<string, Fingerprint>>): FingerprintComparison {
  const names = Object.keys(fingerprints);
  if (names.length === 0) throw new InvalidArgumentError("fingerprints", "at least one", names);
  const compared = properties.map(({ name, logarithmic, of }): ComparedProperty => {
    const values = names.map((dataset) => of(fingerprints[dataset]!));
    return { property: name, values, zScores: zScores(values.map((v) => (v && logarithmic ? Math.log(v) : v))) };
  });
  const modalities = names.map((name) => [...new Set(fingerprints[name]!.modalities ?? ["unknown"])].join(", "));
  return {
    names,
    properties: compared,
    table: asTable(names, compared, modalities),
    svg: drawComparison(names, compared, modalities),
  };
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

function asTable(
  names: readonly string[],
  compared: readonly ComparedProperty[],
  modalities: readonly string[],
): string {
  const rows = [
    ["", ...names],
    ["modality", ...modalities],
    ...compared.map(({ property, values }) => [property, ...values.map((v) => (v === undefined ? "–" : shown(v)))]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
