import { elementCount, ShapeMismatchError, type VolumeShape, type VoxelArray } from "@nnunet/core";
import type { Box } from "./box.ts";
import { fillHoles } from "./fill-holes.ts";

/**
 * Where an image is not zero: the OR over channels of `value != 0` with its holes filled, and the bounding box of that.
 *
 * A hole is background that no path of face neighbours connects to the border of the image (SciPy's
 * `binary_fill_holes`). NaN counts as nonzero. An image that is zero everywhere gives an empty mask and the whole box.
 *
 * Linear in the number of voxels; beyond the mask (one byte a voxel) it holds the background of the box (another) and 16
 * bytes per run of it.
 *
 * @param data - [channel, z, y, x]
 * @param shape - of `data`
 * @returns `mask` [z, y, x] of 0 and 1 over the whole image; `box` half-open, [z, y, x]
 * @throws {ShapeMismatchError} if `data` does not have as many elements as `shape` promises
 * @example nonzeroRegion(Float32Array.of(0, 5, 0, 7, 0), [1, 1, 1, 5]).box; // [[0, 1], [0, 1], [1, 4]]
 * @see Isensee et al. 2021, Methods, "Dataset fingerprints"; docs/method.md §1
 */
export function nonzeroRegion(data: VoxelArray, shape: VolumeShape): { mask: Uint8Array; box: Box } {
  if (data.length !== elementCount(shape)) throw new ShapeMismatchError("data", [elementCount(shape)], [data.length]);
  const [channels, depth, height, width] = shape;
  const voxels = depth * height * width;
  const mask = new Uint8Array(voxels);
  for (let i = 0; i < voxels; i++) mask[i] = Number(data[i] !== 0); // no branch, which noise would mislead
  for (let c = 1; c < channels; c++) {
    const offset = c * voxels;
    for (let i = 0; i < voxels; i++) if (data[offset + i] !== 0) mask[i] = 1;
  }
  const box = boundingBox(mask, depth, height, width);
  if (box === undefined) {
    return {
      mask,
      box: [
        [0, depth],
        [0, height],
        [0, width],
      ],
    };
  }
  fillHoles(mask, [depth, height, width], box);
  return { mask, box };
}

/**
 * The box of {@link nonzeroRegion} alone: holes never change it, so no mask is needed.
 *
 * @param data - [channel, z, y, x]
 * @throws {ShapeMismatchError} if `data` does not have as many elements as `shape` promises
 */
export function nonzeroBox(data: VoxelArray, shape: VolumeShape): Box {
  if (data.length !== elementCount(shape)) throw new ShapeMismatchError("data", [elementCount(shape)], [data.length]);
  const [channels, depth, height, width] = shape;
  const slabs = Array.from({ length: channels }, (_, c) =>
    boundingBox(data.subarray(c * depth * height * width, (c + 1) * depth * height * width), depth, height, width),
  ).filter((box) => box !== undefined);
  if (slabs.length === 0) return [depth, height, width].map((n) => [0, n] as const);
  return [0, 1, 2].map(
    (axis) => [Math.min(...slabs.map((b) => b[axis]![0])), Math.max(...slabs.map((b) => b[axis]![1]))] as const,
  );
}

type Box3 = [z: [number, number], y: [number, number], x: [number, number]];

function boundingBox(mask: VoxelArray, depth: number, height: number, width: number): Box3 | undefined {
  let [z0, z1, y0, y1, x0, x1] = [depth, 0, height, 0, width, 0];
  for (let z = 0, row = 0; z < depth; z++) {
    for (let y = 0; y < height; y++, row += width) {
      let first = 0;
      while (first < width && mask[row + first] === 0) first++;
      if (first === width) continue;
      let last = width - 1;
      while (mask[row + last] === 0) last--;
      if (first < x0) x0 = first;
      if (last >= x1) x1 = last + 1;
      if (y < y0) y0 = y;
      if (y >= y1) y1 = y + 1;
      if (z < z0) z0 = z;
      z1 = z + 1;
    }
  }
  return z1 === 0
    ? undefined
    : [
        [z0, z1],
        [y0, y1],
        [x0, x1],
      ];
}
