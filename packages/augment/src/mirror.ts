import type { Shape3 } from "@nnunet/core";

/**
 * Reverses one axis of every [z, y, x] volume in `data`, in place. Twice is the identity.
 *
 * @param data - any number of volumes of `shape`, one after the other (channels)
 * @param axis - 0 = z, 1 = y, 2 = x
 * @returns `data`
 * @example mirrorInPlace(Int16Array.of(1, 2, 3), [1, 1, 3], 2); // [3, 2, 1]
 * @see paper, Supplement D, step 8
 */
export function mirrorInPlace<T extends Float32Array | Int16Array | Uint8Array>(
  data: T,
  shape: Shape3,
  axis: 0 | 1 | 2,
): T {
  const length = shape[axis];
  let inner = 1;
  for (let a = axis + 1; a < 3; a++) inner *= shape[a]!;
  const block = length * inner;
  if (inner === 1) {
    for (let base = 0; base < data.length; base += block) data.subarray(base, base + block).reverse();
    return data;
  }
  for (let base = 0; base < data.length; base += block) {
    for (let low = 0, high = length - 1; low < high; low++, high--) {
      let i = base + low * inner;
      let j = base + high * inner;
      for (let k = 0; k < inner; k++, i++, j++) {
        const held = data[i]!;
        data[i] = data[j]!;
        data[j] = held;
      }
    }
  }
  return data;
}
