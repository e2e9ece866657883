import { InvalidArgumentError, ShapeMismatchError, type VolumeShape, type VoxelArray } from "@nnunet/core";

/** Half-open [first, end) per axis, slowest axis first. */
export type Box = readonly (readonly [first: number, end: number])[];

/** Extents of a box. @example boxShape([[1, 3], [0, 5]]); // [2, 5] */
export function boxShape(box: Box): number[] {
  return box.map(([first, end]) => end - first);
}

/**
 * The voxels inside a box, as a new array.
 *
 * @param data - [channel, z, y, x]
 * @param box - three half-open pairs [z, y, x] inside the volume
 * @returns [channel, ...boxShape(box)] of the same element type
 * @throws {ShapeMismatchError} if `data` does not have as many elements as `shape` promises
 * @throws {InvalidArgumentError} if the box is empty or reaches out of the volume
 * @example cropToBox(Int16Array.of(1, 2, 3, 4), [1, 1, 2, 2], [[0, 1], [0, 2], [1, 2]]); // Int16Array [2, 4]
 */
export function cropToBox<T extends VoxelArray>(data: T, shape: VolumeShape, box: Box): T {
  checkBox(box, shape.slice(1));
  const [channels, depth, height, width] = shape;
  if (data.length !== channels * depth * height * width) {
    throw new ShapeMismatchError("data", [channels * depth * height * width], [data.length]);
  }
  const [[z0, z1], [y0, y1], [x0, x1]] = box as [[number, number], [number, number], [number, number]];
  const rowLength = x1 - x0;
  const out = new (data.constructor as new (n: number) => T)(channels * (z1 - z0) * (y1 - y0) * rowLength);
  let to = 0;
  for (let c = 0; c < channels; c++) {
    for (let z = z0; z < z1; z++) {
      for (let y = y0; y < y1; y++) {
        const from = ((c * depth + z) * height + y) * width + x0;
        out.set(data.subarray(from, from + rowLength), to);
        to += rowLength;
      }
    }
  }
  return out;
}

/** Throws unless `box` has one non-empty pair per axis, inside `shape`. */
export function checkBox(box: Box, shape: readonly number[]): void {
  const inside =
    box.length === shape.length &&
    box.every(
      ([first, end], i) =>
        Number.isInteger(first) && Number.isInteger(end) && first >= 0 && first < end && end <= shape[i]!,
    );
  if (!inside) {
    throw new InvalidArgumentError(
      "box",
      `one non-empty pair [first, end) per axis inside [${shape}]`,
      box.map((pair) => [...pair]),
    );
  }
}
