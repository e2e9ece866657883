import { InvalidArgumentError, roundHalfEven, type Shape3 } from "@nnunet/core";
import { resampleImage } from "@nnunet/kernels";

/**
 * One channel as if it had been scanned more coarsely: every `1/zoom`-th voxel is taken (nearest neighbour) and the
 * result is interpolated back to the old size.
 *
 * @param channel - [z, y, x] of `shape`
 * @param zoom - in (0, 1]; the coarse size is `rne(shape · zoom)`, at least 1. The paper's factor is 1/zoom
 * @param options.inPlane - leave z as it is (2D and anisotropic patches)
 * @param out - written and returned; may be `channel` itself
 * @throws {InvalidArgumentError} if `zoom` is outside (0, 1]
 * @see paper, Supplement D, step 6; docs/method.md §4.3
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
  const small = resampleImage(channel, shape, coarse, { order: 0 });
  return resampleImage(small, coarse, shape, { order: upsampling === "cubic" ? 3 : 1, overwriteInput: true, out });
}
