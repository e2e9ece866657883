import { ImageFileError } from "@nnunet/core";
import { cross } from "../geometry/axis-vectors.ts";

/**
 * Unit vectors along columns, rows and the normal of a plane, at right angles. Orientations are written with few
 * digits; ITK rounds them to an orthonormal frame in the same way: the normal first, then the columns.
 *
 * @param orientation - ImageOrientationPatient: direction of increasing column, then of increasing row
 * @throws {ImageFileError} if the two are not at a right angle, or of no length
 */
export function planeAxes(orientation: readonly number[], path: string): number[][] {
  const columns = unit(orientation.slice(0, 3));
  const rows = unit(orientation.slice(3));
  const inner = columns.reduce((sum, c, i) => sum + c * rows[i]!, 0);
  if (!(Math.abs(inner) < 1e-3)) {
    const problem = `${orientation.join(", ")} are not two directions at a right angle`;
    throw new ImageFileError(path, "ImageOrientationPatient", problem);
  }
  const normal = unit(cross(columns, rows));
  const x = unit(cross(rows, normal));
  return [x, cross(normal, x).map(positiveZero), normal].map((axis) => axis.map(positiveZero));
}

function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((v) => v / length);
}

function positiveZero(value: number): number {
  return value + 0;
}
