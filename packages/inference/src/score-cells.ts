import type { Shape3, VolumeShape } from "@nnunet/core";

/** A part of a plane that patches cover as a whole or not at all. */
export interface Cell {
  /** Number in the plane. */
  readonly index: number;
  readonly y: readonly [first: number, end: number];
  readonly x: readonly [first: number, end: number];
  /** Numbers in the plane before this one, all channels counted; a cell is [channel, y, x]. */
  readonly offset: number;
}

/** The cells of a plane, line of cells after line of cells. */
export interface CellGrid {
  readonly lines: readonly (readonly Cell[])[];
  /** The most numbers that a cell has, all channels counted. */
  readonly largest: number;
}

/**
 * Cuts the planes of an image where patches begin and end, so that the scores of a patch are whole cells, each of them
 * in one piece in a file.
 *
 * @param starts - first voxels of the patches along [z, y, x]
 * @param mostLines - lines of a cell at most
 */
export function cellGrid(
  [channels, , height, width]: VolumeShape,
  starts: readonly (readonly number[])[],
  patchSize: Shape3,
  mostLines: number,
): CellGrid {
  const ys = cuts(height, starts[1]!, patchSize[1], mostLines);
  const xs = cuts(width, starts[2]!, patchSize[2], width);
  let index = 0;
  let offset = 0;
  let largest = 0;
  const lines = ys.map((y) =>
    xs.map((x): Cell => {
      const cell = { index: index++, y, x, offset };
      const length = channels * (y[1] - y[0]) * (x[1] - x[0]);
      offset += length;
      largest = Math.max(largest, length);
      return cell;
    }),
  );
  return { lines, largest };
}

function cuts(length: number, starts: readonly number[], patchLength: number, most: number): [number, number][] {
  const edges = new Set([0, length]);
  for (const start of starts)
    for (const edge of [start, start + patchLength]) edges.add(Math.min(length, Math.max(0, edge)));
  const sorted = [...edges].sort((a, b) => a - b);
  return sorted.slice(1).flatMap((end, i) => {
    const parts = Math.ceil((end - sorted[i]!) / most);
    const at = (part: number) => sorted[i]! + Math.floor(((end - sorted[i]!) * part) / parts);
    return Array.from({ length: parts }, (_, part): [number, number] => [at(part), at(part + 1)]);
  });
}
