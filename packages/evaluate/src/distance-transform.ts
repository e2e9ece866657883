import { elementCount, InvalidArgumentError, type Shape3, ShapeMismatchError, type Spacing } from "@nnunet/core";

/**
 * The squared distance, in mm², from every voxel to the nearest marked voxel; infinite if none is marked.
 *
 * Exact: along x by two sweeps, then along y and z by the lower envelope of parabolas, each in linear time.
 *
 * @param marked - non-zero where the distance is 0; [z, y, x]
 * @param spacing - mm, [z, y, x]
 * @returns float32, [z, y, x]
 * @throws {ShapeMismatchError} if `marked` has not the voxels of `shape`
 * @throws {InvalidArgumentError} if a spacing is not a positive number
 * @example squaredDistances(Uint8Array.of(0, 0, 1), [1, 1, 3], [1, 1, 2]); // Float32Array [16, 4, 0]
 * @see Felzenszwalb & Huttenlocher 2012, Theory of Computing 8:415; checked against scipy's distance_transform_edt
 */
export function squaredDistances(marked: Uint8Array, shape: Shape3, spacing: Spacing): Float32Array {
  if (marked.length !== elementCount(shape)) throw new ShapeMismatchError("marked", shape, [marked.length]);
  if (!spacing.every((s) => s > 0 && Number.isFinite(s))) {
    throw new InvalidArgumentError("spacing", "three positive numbers [z, y, x] in mm", spacing);
  }
  const [sizeZ, sizeY, sizeX] = shape;
  const squared = new Float32Array(marked.length);
  alongX(marked, sizeX, spacing[2], squared);
  const envelope = createEnvelope(Math.max(sizeZ, sizeY));
  for (let z = 0; z < sizeZ; z++) envelope(squared, z * sizeY * sizeX, sizeX, sizeY, sizeX, spacing[1]);
  for (let y = 0; y < sizeY; y++) envelope(squared, y * sizeX, sizeX, sizeZ, sizeY * sizeX, spacing[0]);
  return squared;
}

function alongX(marked: Uint8Array, sizeX: number, spacing: number, squared: Float32Array): void {
  for (let row = 0; row < marked.length; row += sizeX) {
    let steps = Number.POSITIVE_INFINITY;
    for (let x = row; x < row + sizeX; x++) {
      steps = marked[x] ? 0 : steps + 1;
      squared[x] = (steps * spacing) ** 2;
    }
    steps = Number.POSITIVE_INFINITY;
    for (let x = row + sizeX - 1; x >= row; x--) {
      steps = marked[x] ? 0 : steps + 1;
      const value = (steps * spacing) ** 2;
      if (value < squared[x]!) squared[x] = value;
    }
  }
}

/** Lines side by side are gathered together, so that each cache line is fetched once. */
const PANEL = 16;

function createEnvelope(longest: number) {
  const lines = new Float64Array(PANEL * longest);
  const apex = new Int32Array(longest); // positions of the parabolas in the envelope …
  const from = new Float64Array(longest + 1); // … and where each begins to be the lowest
  /** Transforms `width` lines that start at `first`, `first + 1`, … and run with `stride`. */
  return (
    squared: Float32Array,
    first: number,
    width: number,
    length: number,
    stride: number,
    spacing: number,
  ): void => {
    const unit = spacing * spacing;
    for (let block = 0; block < width; block += PANEL) {
      const count = Math.min(PANEL, width - block);
      for (let i = 0, at = first + block; i < length; i++, at += stride) {
        for (let k = 0; k < count; k++) lines[k * length + i] = squared[at + k]! / unit;
      }
      for (let k = 0; k < count; k++) {
        const line = k * length;
        let top = -1;
        for (let q = 0; q < length; q++) {
          const height = lines[line + q]!;
          if (height === Number.POSITIVE_INFINITY) continue;
          let crossing = Number.NEGATIVE_INFINITY;
          while (top >= 0) {
            const p = apex[top]!;
            crossing = (height - lines[line + p]! + (q - p) * (q + p)) / (2 * (q - p));
            if (crossing > from[top]!) break;
            top--;
            crossing = Number.NEGATIVE_INFINITY;
          }
          apex[++top] = q;
          from[top] = crossing;
        }
        if (top < 0) continue; // nothing marked near this line: it stays infinite
        from[top + 1] = Number.POSITIVE_INFINITY;
        for (let i = 0, p = 0, at = first + block + k; i < length; i++, at += stride) {
          while (from[p + 1]! < i) p++;
          const distance = i - apex[p]!;
          squared[at] = (distance * distance + lines[line + apex[p]!]!) * unit;
        }
      }
    }
  };
}
