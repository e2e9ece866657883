import type { Shape3 } from "@nnunet/core";
import { fillRun, labelRuns } from "./label-runs.ts";
import { labelRunsInSimd } from "./label-simd.ts";

type Box3 = readonly [z: readonly [number, number], y: readonly [number, number], x: readonly [number, number]];

/**
 * Turns background that no path of face neighbours connects to the border of the image into object, in place.
 *
 * The components of the background within the box of the object: those that touch no face of it are holes. Outside the
 * box everything is background that touches the border.
 *
 * @param mask - [z, y, x] of 0 and 1
 * @param box - around the object, half-open; not empty
 */
export function fillHoles(mask: Uint8Array, shape: Shape3, box: Box3, { simd = true }: { simd?: boolean } = {}): void {
  const [, height, width] = shape;
  const [[z0], [y0], [x0]] = box;
  const [depth, rows, columns] = box.map(([first, end]) => end - first) as [number, number, number];
  const background = backgroundOf(mask, shape, box);
  const { table, count } =
    (simd && labelRunsInSimd(background, [depth, rows, columns], 0)) ||
    labelRuns(background, [depth, rows, columns], 0);

  const outside = new Uint8Array(count + 1);
  // Runs come row by row.
  for (let at = 0, z = 0, y = 0, row = 0; at < table.length; at += 4) {
    while (table[at]! >= row + columns) {
      row += columns;
      if (++y === rows) {
        y = 0;
        z++;
      }
    }
    const atFace = z === 0 || z === depth - 1 || y === 0 || y === rows - 1;
    if (atFace || table[at] === row || table[at + 1] === row + columns) outside[table[at + 2]!] = 1;
  }
  for (let at = 0; at < table.length; at += 4) {
    if (outside[table[at + 2]!]) continue;
    const [first, end] = [table[at]!, table[at + 1]!];
    const line = Math.floor(first / columns);
    const row = ((z0 + Math.floor(line / rows)) * height + y0 + (line % rows)) * width + x0 - line * columns;
    fillRun(mask, 1, row + first, row + end);
  }
}

/** 1 where the mask is 0, within the box. */
function backgroundOf(mask: Uint8Array, [, height, width]: Shape3, [[z0, z1], [y0, y1], [x0, x1]]: Box3): Uint8Array {
  const columns = x1 - x0;
  const voxels = (z1 - z0) * (y1 - y0) * columns;
  const words = new Int32Array(Math.ceil(voxels / 4));
  const background = new Uint8Array(words.buffer, 0, voxels);
  let to = 0;
  for (let z = z0; z < z1; z++) {
    for (let y = y0; y < y1; y++, to += columns) {
      const from = (z * height + y) * width + x0;
      background.set(mask.subarray(from, from + columns), to);
    }
  }
  for (let i = 0; i < words.length; i++) words[i]! ^= 0x01010101; // four voxels at a time
  return background;
}
