import { type Fingerprint, printableXml } from "@nnunet/core";
import { median } from "./median.ts";
import { uniqueNames } from "./unique-names.ts";

/** One line of the chart: a property of every dataset, on the scale that it is compared on. */
interface ChartRow {
  readonly name: string;
  readonly values: readonly number[];
}

const cell = { width: 130, height: 30 };
const left = 290;
const top = 70;

/**
 * Several fingerprints side by side as a picture: one column per dataset, one row per property, coloured by how many
 * standard deviations the dataset lies above (red) or below (blue) the mean of all shown.
 *
 * Sizes, spacings and counts span orders of magnitude, so they are compared by their logarithms.
 *
 * @returns SVG
 * @see Isensee et al. 2021, Nature Methods 18:203, Figure 5 (z-scored properties of the datasets)
 */
export function fingerprintChart(fingerprints: Readonly<Record<string, Fingerprint>>): string {
  const names = Object.keys(fingerprints);
  const rows = chartRows(Object.values(fingerprints));
  const width = left + names.length * cell.width + 20;
  const height = top + rows.length * cell.height + 40;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="20" y="28" font-size="16">Dataset fingerprints, z-scored over the ${names.length} datasets shown</text>`,
  ];
  for (const [column, name] of uniqueNames(names.map(shortened)).entries()) {
    const x = left + (column + 0.5) * cell.width;
    parts.push(`<text x="${x}" y="${top - 10}" text-anchor="middle">${printableXml(name)}</text>`);
  }
  for (const [row, { name, values }] of rows.entries()) {
    const y = top + row * cell.height;
    parts.push(`<text x="${left - 12}" y="${y + 20}" text-anchor="end">${printableXml(name)}</text>`);
    for (const [column, z] of zScores(values).entries()) {
      const x = left + column * cell.width;
      parts.push(
        `<rect x="${x + 1}" y="${y + 1}" width="${cell.width - 2}" height="${cell.height - 2}" fill="${colour(z)}"/>`,
        `<text x="${x + cell.width / 2}" y="${y + 20}" text-anchor="middle">${Number.isNaN(z) ? "–" : z.toFixed(2)}</text>`,
      );
    }
  }
  parts.push(
    `<text x="20" y="${height - 14}" fill="#555">0: the mean of the datasets; ±1: one standard deviation</text>`,
    "</svg>",
  );
  return `${parts.join("\n")}\n`;
}

/** What Figure 5 compares, as far as the fingerprints have it. */
function chartRows(fingerprints: readonly Fingerprint[]): ChartRow[] {
  const row = (name: string, value: (f: Fingerprint) => number): ChartRow => ({
    name,
    values: fingerprints.map((f) => value(f)),
  });
  const voxels = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
  const anisotropy = (spacing: readonly number[]) => Math.max(...spacing) / Math.min(...spacing);
  return [
    row("training cases (log)", (f) => Math.log(f.spacings.length)),
    row("classes", (f) => f.numberOfClasses ?? Number.NaN),
    row("modalities", (f) => f.foregroundIntensityPerChannel.length),
    row("median voxels per image (log)", (f) => Math.log(median(f.shapesAfterCrop.map(voxels)))),
    row("median voxel volume (log)", (f) => Math.log(median(f.spacings.map(voxels)))),
    row("median anisotropy of the spacing (log)", (f) => Math.log(median(f.spacings.map(anisotropy)))),
    row("size after / before cropping", (f) => f.medianRelativeSizeAfterCropping),
    row("share of the rarest class (log)", (f) => {
      const ratios = Object.values(f.classRatios ?? {}).filter((ratio) => ratio > 0);
      return ratios.length > 0 ? Math.log(Math.min(...ratios)) : Number.NaN;
    }),
  ];
}

/** Over the datasets that have the property; 0 where all are equal. */
function zScores(values: readonly number[]): number[] {
  const known = values.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length);
  return values.map((value) => (Number.isNaN(value) ? Number.NaN : deviation > 0 ? (value - mean) / deviation : 0));
}

/** White at 0, red above, blue below; full at two standard deviations. */
function colour(z: number): string {
  if (Number.isNaN(z)) return "#eee";
  const pale = Math.round(255 - 150 * Math.min(1, Math.abs(z) / 2));
  return z >= 0 ? `rgb(255,${pale},${pale})` : `rgb(${pale},${pale},255)`;
}

function shortened(name: string): string {
  const last = name.split("/").slice(-2).join("/");
  return last.length > 20 ? `${last.slice(0, 19)}…` : last;
}
