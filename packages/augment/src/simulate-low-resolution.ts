import { InvalidArgumentError, roundHalfEven, type Shape3 } from "@nnunet/core";
import { upsample } from "./upsample.ts";

/**
 * One channel as if it had been scanned more coarsely: every `1/zoom`-th voxel is taken (nearest neighbour) and the
 * result is interpolated back to the old size.
 *
 * @param channel - [z, y, x] of `shape`
 * @param zoom - in (0, 1]; the coarse size is `rne(shape · zoom)`, at least 1. The paper's factor is 1/zoom
 * @param options.inPlane - leave z as it is (2D and anisotropic patches)
 * @param out - written and returned; may be `channel` itself
 * @throws {InvalidArgumentError} if `zoom` is outside (0, 1]
 * @see paper, Supplement D, step 6; facts.md §4.3
 */
export function simulateLowResolution(
  channel: Float32Array,
  shape: Shape3,
  zoom: number,
  { upsampling = "cubic", inPlane = false }: { upsampling?: "cubic" | "linear"; inPlane?: boolean } = {},
  out: Float32Array = new Float32Array(channel.length),
): Float32Array {
  if (!(zoom > 0 && zoom <= 1)) throw new InvalidArgumentError("zoom", "a number in (0, 1]", zoom);
  const coarse = shape.map((n, axis) =>
    inPlane && axis === 0 ? n : Math.max(1, roundHalfEven(n * zoom)),
  ) as unknown as Shape3;
  const [nz, ny, nx] = shape;
  const [cz, cy, cx] = coarse;
  const small = new Float32Array(cz * cy * cx);
  const columns = nearestIndices(nx, cx);
  const rows = nearestIndices(ny, cy);
  const planes = nearestIndices(nz, cz);
  let to = 0;
  for (let z = 0; z < cz; z++) {
    for (let y = 0; y < cy; y++) {
      const from = (planes[z]! * ny + rows[y]!) * nx;
      for (let x = 0; x < cx; x++) small[to++] = channel[from + columns[x]!]!;
    }
  }
  return upsample(small, coarse, shape, upsampling, out);
}

/**
 * The nearest voxel of `n` for each of `m` that cover the same length; of two equally near ones the upper.
 *
 * @example nearestIndices(4, 2); // [1, 3]
 * @see facts.md item 22
 */
export function nearestIndices(n: number, m: number): Int32Array {
  return Int32Array.from({ length: m }, (_, i) => Math.min(n - 1, Math.floor(((i + 0.5) * n) / m)));
}
