import type { Shape3, VolumeShape } from "@nnunet/core";
import { type ChunkGrid, chunkGrid } from "./chunk-grid.ts";

/** A box of voxels, [z, y, x]. */
export interface Box {
  readonly start: Shape3;
  readonly size: Shape3;
}

/** How probabilities are cut: the same for every case of a shape, so that two can be read side by side. */
export function probabilityGrid([channels, ...spatial]: VolumeShape): ChunkGrid {
  return chunkGrid(channels, spatial);
}

/** The blocks of one channel in storage order, cut off where the volume ends. */
export function blocksOf({ shape, chunk, count }: ChunkGrid): Box[] {
  const blocks: Box[] = [];
  for (let z = 0; z < count[0]; z++) {
    for (let y = 0; y < count[1]; y++) {
      for (let x = 0; x < count[2]; x++) {
        const start: Shape3 = [z * chunk[0], y * chunk[1], x * chunk[2]];
        const size = start.map((first, axis) => Math.min(chunk[axis]!, shape[axis]! - first));
        blocks.push({ start, size: size as unknown as Shape3 });
      }
    }
  }
  return blocks;
}
