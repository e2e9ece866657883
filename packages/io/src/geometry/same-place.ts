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

export function sameSpacing(a: readonly number[], b: readonly number[]): boolean {
  return a.every((s, axis) => Math.abs(s - b[axis]!) <= spacingTolerance * Math.max(s, b[axis]!));
}

/**
 * Whether two images of the same shape have their voxels at the same places: spacing within 1e-5 of its value, origin
 * and direction within 0.001 (mm; `verifyDataset` calls that rounding, too), or within 1e-5 of a large origin.
 *
 * @returns the first difference of spacing, direction, origin, in this order; undefined if there is none
 * @example placementDifference(reference.geometry, prediction.geometry)?.field; // "direction"
 */
export function placementDifference(first: Geometry, second: Geometry): PlacementDifference | undefined {
  if (!sameSpacing(first.spacing, second.spacing)) {
    return { field: "spacing", first: first.spacing, second: second.spacing };
  }
  for (const field of ["direction", "origin"] as const) {
    const [a, b] = [first[field] as readonly number[], second[field] as readonly number[]];
    const tolerance = Math.max(placeTolerance, roundingOf(a));
    if (a.some((value, i) => !(Math.abs(value - b[i]!) <= tolerance))) return { field, first: a, second: b };
  }
  return undefined;
}

/** What a header's float32 may lose of a vector. */
export function roundingOf(vector: readonly number[]): number {
  return 1e-5 * Math.max(1, ...vector.map(Math.abs));
}
