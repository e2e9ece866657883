/**
 * The nearest voxel of `n` for each of `m` that cover the same length; of two equally near ones the upper.
 *
 * @example nearestIndices(4, 2); // [1, 3]
 * @see docs/method.md §0 item 22
 */
export function nearestIndices(n: number, m: number): Int32Array {
  return Int32Array.from({ length: m }, (_, i) => Math.min(n - 1, Math.floor(((i + 0.5) * n) / m)));
}
