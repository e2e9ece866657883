import type { Shape3, VoxelArray } from "@nnunet/core";

/** Half-open [first, end) per axis, [z, y, x]. */
export type Box = readonly [z: Extent, y: Extent, x: Extent];
type Extent = readonly [first: number, end: number];

/**
 * The box around each label over several label maps together, in one pass over their voxels however many labels there are.
 *
 * @param maps - label ids, each [z, y, x] of `shape`
 * @returns one box per id that occurs
 * @example labelBoxes([Int16Array.of(0, 1, 1)], [1, 1, 3]).get(1); // [[0, 1], [0, 1], [1, 3]]
 */
export function labelBoxes(maps: readonly VoxelArray[], [sizeZ, sizeY, sizeX]: Shape3): Map<number, Box> {
  const boxes = new Map<number, Box>();
  for (const map of maps) {
    for (let z = 0, row = 0; z < sizeZ; z++) {
      for (let y = 0; y < sizeY; y++, row += sizeX) {
        // Runs of equal labels are long: a box is touched once per run.
        for (let x = 0, end = 0; x < sizeX; x = end) {
          const label = map[row + x]!;
          for (end = x + 1; end < sizeX && map[row + end] === label; ) end++;
          const run: Box = [
            [z, z + 1],
            [y, y + 1],
            [x, end],
          ];
          const box = boxes.get(label);
          if (box === undefined) boxes.set(label, run);
          else if (!contains(box, z, y, x, end)) boxes.set(label, joinBoxes([box, run])!);
        }
      }
    }
  }
  return boxes;
}

/** The box around several; undefined of none. */
export function joinBoxes(boxes: readonly Box[]): Box | undefined {
  const [first, ...others] = boxes;
  return others.reduce<Box | undefined>(
    (joined, box) => joined && [join(joined[0], box[0]), join(joined[1], box[1]), join(joined[2], box[2])],
    first,
  );
}

const join = (a: Extent, b: Extent): Extent => [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

const contains = ([z, y, x]: Box, atZ: number, atY: number, firstX: number, endX: number) =>
  z[0] <= atZ && atZ < z[1] && y[0] <= atY && atY < y[1] && x[0] <= firstX && endX <= x[1];
