import type { VoxelArray } from "../volume.ts";

/**
 * Index of the first value that is NaN, infinite, or too large for float32; −1 if there is none.
 *
 * @example firstNonFinite(new Float32Array([1, Number.NaN])); // 1
 */
export function firstNonFinite(data: VoxelArray): number {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return -1;
  // x · 0 is 0 exactly for finite x.
  for (let i = 0; i < data.length; i++) if (Math.fround(data[i]!) * 0 !== 0) return i;
  return -1;
}
