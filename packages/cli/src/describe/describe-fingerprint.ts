import { type Fingerprint, type IntensityProperties, median } from "@nnunet/core";
import { textTable } from "./text-table.ts";

/** The properties of one or several fingerprints as the lines of a table, one column per dataset. */
export function describeFingerprint(fingerprints: Readonly<Record<string, Fingerprint>>): string[] {
  const names = Object.keys(fingerprints);
  const rows = new Map<string, string[]>();
  for (const [column, fingerprint] of Object.values(fingerprints).entries()) {
    for (const [property, value] of properties(fingerprint)) {
      const row = rows.get(property) ?? new Array<string>(names.length).fill("");
      row[column] = value;
      rows.set(property, row);
    }
  }
  return textTable(
    ["property", ...names],
    [...rows].map(([property, values]) => [property, ...values]),
  );
}

function* properties(f: Fingerprint): Generator<readonly [string, string]> {
  yield ["training cases", String(f.spacings.length)];
  if (f.modalities) yield ["modalities", f.modalities.join(", ")];
  if (f.numberOfClasses !== undefined) yield ["foreground classes", String(f.numberOfClasses)];
  yield ["median shape after cropping [x, y, z]", medians(f.shapesAfterCrop)];
  if (f.shapesBeforeCrop) yield ["median shape before cropping", medians(f.shapesBeforeCrop)];
  yield ["size after / before cropping (median)", show(f.medianRelativeSizeAfterCropping)];
  yield ["median spacing [x, y, z], mm", medians(f.spacings)];
  yield* intensities(f.pooledForegroundIntensityPerChannel, "foreground");
  yield* intensities(f.foregroundIntensityPerChannel, "foreground, cases alike:");
  for (const [label, ratio] of Object.entries(f.classRatios ?? {})) {
    yield [`label ${label}, share of voxels`, `${show(100 * ratio)} %`];
  }
}

function* intensities(
  perChannel: readonly IntensityProperties[] | undefined,
  of: string,
): Generator<readonly [string, string]> {
  for (const [channel, p] of perChannel?.entries() ?? []) {
    yield [`channel ${channel} ${of} mean ± std`, `${show(p.mean)} ± ${show(p.std)}`];
    yield [`channel ${channel} ${of} 0.5 %, 99.5 %`, `${show(p.percentile005)}, ${show(p.percentile995)}`];
  }
}

/** Per axis, joined as `36 × 50 × 35`. */
function medians(rows: readonly (readonly number[])[]): string {
  return [2, 1, 0].map((axis) => show(median(rows.map((row) => row[axis]!)))).join(" × ");
}

/** Four significant digits, without exponents for what people meet. */
function show(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
