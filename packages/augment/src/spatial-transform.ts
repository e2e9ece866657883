import { InvalidArgumentError, type Shape3 } from "@nnunet/core";

/** Where each voxel of a patch is taken from: source = matrix · (voxel − patch centre) + source centre. */
export interface SamplingTransform {
  /** Row-major 3×3, coordinates [z, y, x] in voxels. */
  readonly matrix: readonly number[];
  /** [z, y, x]; the middle of the source, (size − 1)/2, unless only a part of it was read. */
  readonly centre?: readonly [number, number, number];
}

/**
 * The matrix that rotates a patch about its z, then y, then x axis and scales the sampling coordinates.
 *
 * @param angles - radians about [z, y, x]; [a, 0, 0] turns slices in their plane
 * @param coordinateScale - factor on sampling coordinates [z, y, x]: above 1 the object looks smaller
 * @example samplingMatrix([0, 0, 0], [1, 2, 2]); // [1, 0, 0, 0, 2, 0, 0, 0, 2]
 * @see docs/method.md §4.1 (signs) and §4.3, step 1
 */
export function samplingMatrix(
  angles: readonly [number, number, number],
  coordinateScale: readonly [number, number, number] = [1, 1, 1],
): number[] {
  const [ca, cb, cc] = angles.map(Math.cos) as [number, number, number];
  const [sa, sb, sc] = angles.map(Math.sin) as [number, number, number];
  // Transposed rotations, because the reference multiplies row vectors: p ↦ p·Rz·Ry·Rx with its signs.
  const aboutZ = [1, 0, 0, 0, ca, sa, 0, -sa, ca];
  const aboutY = [cb, 0, -sb, 0, 1, 0, sb, 0, cb];
  const aboutX = [cc, sc, 0, -sc, cc, 0, 0, 0, 1];
  const matrix = multiply(aboutX, multiply(aboutY, aboutZ));
  return matrix.map((value, i) => value * coordinateScale[Math.floor(i / 3)]!);
}

function multiply(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, i) => {
    const row = 3 * Math.floor(i / 3);
    return a[row]! * b[i % 3]! + a[row + 1]! * b[(i % 3) + 3]! + a[row + 2]! * b[(i % 3) + 6]!;
  });
}

/** Source coordinates of a patch's first voxel in each row, and their step along the row. */
export interface SamplingRows {
  readonly step: readonly [number, number, number];
  start(z: number, y: number): readonly [number, number, number];
}

/** What the middle of the patch is taken from. */
export function sourceCentre(source: Shape3, { centre }: SamplingTransform): readonly [number, number, number] {
  return centre ?? [(source[0] - 1) / 2, (source[1] - 1) / 2, (source[2] - 1) / 2];
}

/** @throws {InvalidArgumentError} if the matrix is not nine finite numbers */
export function samplingRows(source: Shape3, target: Shape3, transform: SamplingTransform): SamplingRows {
  const { matrix: m } = transform;
  if (m.length !== 9 || !m.every(Number.isFinite)) throw new InvalidArgumentError("matrix", "nine finite numbers", m);
  const [cz, cy, cx] = sourceCentre(source, transform);
  const x = -(target[2] - 1) / 2;
  return {
    step: [m[2]!, m[5]!, m[8]!],
    start(row, column) {
      const z = row - (target[0] - 1) / 2;
      const y = column - (target[1] - 1) / 2;
      return [
        m[0]! * z + m[1]! * y + m[2]! * x + cz,
        m[3]! * z + m[4]! * y + m[5]! * x + cy,
        m[6]! * z + m[7]! * y + m[8]! * x + cx,
      ];
    },
  };
}

/**
 * The part of a source that a transform can reach, half-open per axis, clamped to the source.
 *
 * @param margin - voxels more on each side: 1 for linear interpolation, 12 for the cubic spline's prefilter
 */
export function reachedBox(
  source: Shape3,
  target: Shape3,
  transform: SamplingTransform,
  margin: number,
): readonly (readonly [number, number])[] {
  const rows = samplingRows(source, target, transform);
  const corners: number[][] = [];
  for (const z of [0, target[0] - 1]) {
    for (const y of [0, target[1] - 1]) {
      const start = rows.start(z, y);
      corners.push(
        [...start],
        start.map((value, axis) => value + rows.step[axis]! * (target[2] - 1)),
      );
    }
  }
  return [0, 1, 2].map((axis) => {
    const values = corners.map((corner) => corner[axis]!);
    const clamp = (value: number) => Math.min(source[axis]!, Math.max(0, value));
    const first = clamp(Math.floor(Math.min(...values)) - margin);
    const end = clamp(Math.ceil(Math.max(...values)) + margin + 1);
    // Never empty: a patch that lies wholly outside still reads one layer.
    return first < end
      ? ([first, end] as const)
      : ([Math.min(first, source[axis]! - 1), Math.min(first, source[axis]! - 1) + 1] as const);
  });
}
