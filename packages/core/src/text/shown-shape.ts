/*
 * Arrays are [z, y, x], slowest axis first. People see x, y, z: in viewers, in headers, in every other tool. So shapes,
 * spacings and voxels in messages and tables are x, y, z, and say so where it could be doubted.
 */

/**
 * Extents along x, y, z.
 *
 * @param values - [z, y, x]
 * @example shownShape([21, 49, 51]); // "51 × 49 × 21"
 * @example shownShape([2.50001, 1, 1]); // "1 × 1 × 2.5"
 */
export function shownShape(values: readonly number[]): string {
  return [...values].reverse().map(short).join(" × ");
}

/**
 * A point or index, x, y, z.
 *
 * @param values - [z, y, x]
 * @example shownPoint([0, 4, 12]); // "(12, 4, 0)"
 */
export function shownPoint(values: readonly number[]): string {
  return `(${[...values].reverse().map(short).join(", ")})`;
}

const short = (value: number) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4))));
