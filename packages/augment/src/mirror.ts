import { elementCount, type Shape3 } from "@nnunet/core";
import type { SimdOption } from "./intensity.ts";
import { runOnWhole, type Voxels } from "./voxel-simd.ts";

/** 0 = z, 1 = y, 2 = x */
type Axis = 0 | 1 | 2;

/**
 * Reverses axes of every [z, y, x] volume in `data`, in place. Twice is the identity.
 *
 * @param data - any number of volumes of `shape`, one after the other (channels)
 * @param axes - one axis or several, all in one pass
 * @returns `data`
 * @example mirrorInPlace(Int16Array.of(1, 2, 3), [1, 1, 3], 2); // [3, 2, 1]
 * @see paper, Supplement D, step 8
 */
export function mirrorInPlace<T extends Voxels>(
  data: T,
  shape: Shape3,
  axes: Axis | readonly Axis[],
  { simd = true }: SimdOption = {},
): T {
  const [alongZ, alongY, alongX] = ([0, 1, 2] as const).map((axis) => [axes].flat().includes(axis));
  if (!(alongZ || alongY || alongX)) return data;
  const [nz, ny, nx] = shape;
  const voxels = elementCount(shape);
  const size = data.BYTES_PER_ELEMENT;
  const flags = (alongX ? 1 : 0) + (alongY ? 2 : 0) + (alongZ ? 4 : 0);
  const ran =
    simd &&
    runOnWhole(data, (wasm, address) => {
      for (let at = 0; at < data.length; at += voxels) wasm.mirror(address + at * size, nz, ny, nx, size, flags);
    });
  if (ran) return data;
  for (let base = 0; base < data.length; base += voxels) {
    for (let row = 0, z = 0; z < nz; z++) {
      for (let y = 0; y < ny; y++, row++) {
        const other = (alongZ ? nz - 1 - z : z) * ny + (alongY ? ny - 1 - y : y);
        if (other < row) continue;
        const first = base + row * nx;
        const to = base + other * nx + (alongX ? nx - 1 : 0);
        const step = alongX ? -1 : 1;
        // A row that changes places with itself is done when the middle is reached.
        const count = other > row ? nx : alongX ? nx >> 1 : 0;
        for (let x = 0; x < count; x++) {
          const held = data[first + x]!;
          data[first + x] = data[to + x * step]!;
          data[to + x * step] = held;
        }
      }
    }
  }
  return data;
}
