/**
 * The order of axes that puts the coarsest first: 2D networks then take slices along axis 0.
 *
 * An axis along which all images have a single voxel goes first whatever its spacing says: 2D images have no real
 * spacing there. (nnU-Net v2 has the same in effect, because its readers give that axis a huge spacing.)
 *
 * @param spacing - target spacing, mm, [z, y, x]
 * @param medianShape - voxels, [z, y, x]
 * @returns `forward[i]` is the original axis that becomes axis i; `backward` undoes it
 * @see docs/method.md §2.2
 */
export function transposition(
  spacing: readonly number[],
  medianShape: readonly number[],
): { forward: number[]; backward: number[] } {
  const single = [0, 1, 2].filter((axis) => medianShape[axis] === 1);
  const first = single.length === 1 ? single[0]! : spacing.indexOf(Math.max(...spacing));
  const forward = [first, ...[0, 1, 2].filter((axis) => axis !== first)];
  return { forward, backward: [0, 1, 2].map((axis) => forward.indexOf(axis)) };
}

/** `values` in transposed order. */
export function transposed(values: readonly number[], forward: readonly number[]): number[] {
  return forward.map((axis) => values[axis]!);
}
