/*
 * An image axis as one vector (NIfTI's sform column, NRRD's space direction: millimetres from voxel to voxel) ⇄
 * spacing and unit direction.
 */

export interface AxisOfGrid {
  readonly spacing: number;
  readonly direction: readonly number[];
}

/**
 * Splits a vector so that `spacing · direction` gives its float64 components again, bit for bit.
 *
 * @param preferred - used as the spacing if it is the vector's length to float32 precision
 * @param round - precision of the spacing in the file, `Math.fround` for NIfTI-1
 */
export function splitAxisVector(
  vector: readonly number[],
  preferred?: number,
  round: (x: number) => number = (x) => x,
): AxisOfGrid {
  const length = Math.hypot(...vector);
  const given = preferred !== undefined && Math.abs(length - preferred) <= 1e-6 * length;
  const first = given ? preferred : round(length);
  // Not every quotient gives its dividend back; a neighbouring spacing nearly always does. A spacing that the file
  // holds in so many words stays.
  const steps = given || round(first * (1 + 2 ** -50)) === first ? [0] : [0, 1, -1, 2, -2, 3, -3, 4, -4];
  for (const step of steps) {
    const spacing = first * (1 + step * 2 ** -52);
    const direction = vector.map((v) => exactQuotient(v, spacing));
    if (direction.every((d, i) => d * spacing === vector[i])) return { spacing, direction };
  }
  return { spacing: first, direction: vector.map((v) => exactQuotient(v, first)) };
}

/** The float64 q nearest to a / b for which q · b is a again, where there is one. */
function exactQuotient(a: number, b: number): number {
  const q = a / b;
  if (q * b === a) return q;
  const ulp = Math.abs(q) * 2 ** -53;
  return [q - ulp, q + ulp, q - 2 * ulp, q + 2 * ulp].find((candidate) => candidate * b === a) ?? q;
}

export function cross(a: readonly number[], b: readonly number[]): number[] {
  return [a[1]! * b[2]! - a[2]! * b[1]!, a[2]! * b[0]! - a[0]! * b[2]!, a[0]! * b[1]! - a[1]! * b[0]!];
}

export function determinant(columns: readonly (readonly number[])[]): number {
  const normal = cross(columns[0]!, columns[1]!);
  return normal[0]! * columns[2]![0]! + normal[1]! * columns[2]![1]! + normal[2]! * columns[2]![2]!;
}

/** Whether three axes span space: no two (nearly) point the same way, none is zero or NaN. */
export function spansSpace(vectors: readonly (readonly number[])[]): boolean {
  const unit = vectors.map((vector) => vector.map((v) => v / Math.hypot(...vector)));
  return Math.abs(determinant(unit)) > 1e-3;
}
