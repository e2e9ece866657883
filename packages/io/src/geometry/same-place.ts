import type { Geometry } from "@nnunet/core";

/** Millimetres or units of a direction that count as rounding. */
export const placeTolerance = 1e-3;
/** Spacings count as equal up to this fraction: files written by different programs differ in the last float32 bit. */
const spacingTolerance = 1e-5;

/** In what two images lie differently in space. */
export interface PlacementDifference {
  readonly field: "spacing" | "origin" | "direction";
  readonly first: readonly number[];
  readonly second: readonly number[];
}

function sameSpacing(a: readonly number[], b: readonly number[]): boolean {
  return a.every((s, axis) => Math.abs(s - b[axis]!) <= spacingTolerance * Math.max(s, b[axis]!));
}

/**
 * Whether two images of the same shape have their voxels at the same places: spacing within 1e-5 of its value, origin
 * and direction within 0.001 (mm; `verifyDataset` calls that rounding, too), or within 1e-5 of a large origin.
 *
 * This is the one rule for the channels of a case, in every stage, and for predictions that are compared with
 * references; labels may lie elsewhere in one respect ({@link mayLabelDiffer}).
 *
 * @returns the first difference of spacing, direction, origin, in this order; undefined if there is none
 * @example placementDifference(reference.geometry, prediction.geometry)?.field; // "direction"
 */
export function placementDifference(first: Geometry, second: Geometry): PlacementDifference | undefined {
  const difference = placementDifferences(first, second).find(({ tiny }) => !tiny);
  return difference && { field: difference.field, first: difference.first, second: difference.second };
}

/** All differences beyond what float32 loses, in the order spacing, direction, origin; tiny ones are within tolerance. */
export function placementDifferences(
  first: Geometry,
  second: Geometry,
): (PlacementDifference & { readonly tiny: boolean })[] {
  const differences: (PlacementDifference & { tiny: boolean })[] = [];
  if (!sameSpacing(first.spacing, second.spacing)) {
    differences.push({ field: "spacing", first: first.spacing, second: second.spacing, tiny: false });
  }
  for (const field of ["direction", "origin"] as const) {
    const [a, b] = [first[field] as readonly number[], second[field] as readonly number[]];
    const largest = Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    if (largest <= roundingOf(a)) continue;
    differences.push({ field, first: a, second: b, tiny: largest <= placeTolerance });
  }
  return differences;
}

/**
 * Whether a label may differ so from its image: it belongs to the image voxel by voxel, and public datasets have many
 * labels whose origin nobody wrote down. That deserves a warning; an axis that runs another way mirrors the label.
 */
export function mayLabelDiffer({ field, first, second }: PlacementDifference): boolean {
  return field === "origin" || (field === "direction" && first.every((v, i) => Math.abs(v - second[i]!) <= 0.5));
}

/** What a header's float32 may lose of a vector. */
function roundingOf(vector: readonly number[]): number {
  return 1e-5 * Math.max(1, ...vector.map(Math.abs));
}
