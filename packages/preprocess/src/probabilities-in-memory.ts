import { elementCount, type Volume } from "@nnunet/core";
import { blocksOf, probabilityGrid } from "./probability-grid.ts";
import type { ProbabilityReader } from "./probability-store.ts";

/** Probabilities in memory, [class or region, z, y, x], as {@link openProbabilities} gives those on disk. */
export function probabilitiesInMemory({ data, shape, geometry }: Volume<Float32Array>): ProbabilityReader {
  const blocks = blocksOf(probabilityGrid(shape));
  const [, depth, height, width] = shape;
  return {
    shape,
    geometry,
    contentHash: "",
    blocks,
    async readBlock(channel, number) {
      const { start, size } = blocks[number]!;
      const out = new Float32Array(elementCount(size));
      for (let z = 0, to = 0; z < size[0]; z++) {
        for (let y = 0; y < size[1]; y++, to += size[2]) {
          const from = ((channel * depth + start[0] + z) * height + start[1] + y) * width + start[2];
          out.set(data.subarray(from, from + size[2]), to);
        }
      }
      return out;
    },
  };
}
