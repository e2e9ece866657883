import { InvalidArgumentError, type Shape3 } from "@nnunet/core";

/** The paper's four binary operators. Opening is erosion then dilation, closing the other way round. */
export type BinaryOperator = "dilation" | "erosion" | "opening" | "closing";
export const binaryOperators: readonly BinaryOperator[] = ["dilation", "erosion", "opening", "closing"];

/**
 * A binary operator with a ball as structuring element: all voxels at most `radius` away.
 *
 * What lies beyond the volume neither grows into it nor eats from it. The time does not depend on the ball's volume:
 * squared distances are found axis by axis, and only around the object.
 *
 * @param mask - [z, y, x] of `shape`, 0 or 1; left alone
 * @param radius - voxels, need not be an integer; with z = 1 the ball is a disc
 * @throws {InvalidArgumentError} if the radius is negative or not a number
 * @example applyBinaryOperator(Uint8Array.of(0, 1, 0), [1, 1, 3], "dilation", 1); // [1, 1, 1]
 * @see paper, Supplement D (cascade, 1); facts.md §4.3
 */
export function applyBinaryOperator(
  mask: Uint8Array,
  shape: Shape3,
  operator: BinaryOperator,
  radius: number,
): Uint8Array {
  if (!(radius >= 0 && radius <= 250))
    throw new InvalidArgumentError("radius", "a number of voxels in [0, 250]", radius);
  if (operator === "dilation") return dilate(mask, shape, radius);
  if (operator === "erosion") return erode(mask, shape, radius);
  if (operator === "opening") return dilate(erode(mask, shape, radius), shape, radius);
  return erode(dilate(mask, shape, radius), shape, radius);
}

function dilate(mask: Uint8Array, shape: Shape3, radius: number): Uint8Array {
  const out = new Uint8Array(mask.length);
  markNear(mask, 1, shape, Math.floor(radius), radius, (i) => {
    out[i] = 1;
  });
  return out;
}

function erode(mask: Uint8Array, shape: Shape3, radius: number): Uint8Array {
  const out = Uint8Array.from(mask);
  // One layer around the object holds the nearest background of all its voxels.
  markNear(mask, 0, shape, 1, radius, (i) => {
    out[i] = 0;
  });
  return out;
}

/** Calls `mark` for every voxel within `radius` of one that equals `value`, inside the object's box plus `margin`. */
function markNear(
  mask: Uint8Array,
  value: 0 | 1,
  shape: Shape3,
  margin: number,
  radius: number,
  mark: (index: number) => void,
): void {
  const box = objectBox(mask, shape, margin);
  if (box === undefined) return;
  const [[z0, z1], [y0, y1], [x0, x1]] = box;
  const [nz, ny, nx] = [z1 - z0, y1 - y0, x1 - x0];
  const reach = Math.floor(radius);
  const limit = Math.floor(radius * radius);
  const far = limit + 1;
  let near = new Uint16Array(nz * ny * nx);
  let next = new Uint16Array(nz * ny * nx);

  for (let z = 0, to = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++, to += nx) {
      const from = ((z + z0) * shape[1] + y + y0) * shape[2] + x0;
      let distance = reach + 1;
      for (let x = 0; x < nx; x++) {
        distance = mask[from + x] === value ? 0 : distance + 1;
        near[to + x] = distance <= reach ? distance * distance : far;
      }
      distance = reach + 1;
      for (let x = nx - 1; x >= 0; x--) {
        distance = mask[from + x] === value ? 0 : distance + 1;
        if (distance <= reach && distance * distance < near[to + x]!) near[to + x] = distance * distance;
      }
    }
  }
  for (const [length, stride, outer, outerStride] of [
    [ny, nx, nz, ny * nx],
    [nz, ny * nx, ny, nx],
  ] as const) {
    if (length === 1) continue;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < length; i++) {
        const to = o * outerStride + i * stride;
        next.set(near.subarray(to, to + nx), to);
        for (let j = Math.max(0, i - reach); j <= Math.min(length - 1, i + reach); j++) {
          const added = (i - j) * (i - j);
          const from = o * outerStride + j * stride;
          if (j === i) continue;
          for (let x = 0; x < nx; x++) {
            const squared = near[from + x]! + added;
            if (squared < next[to + x]!) next[to + x] = squared;
          }
        }
      }
    }
    [near, next] = [next, near];
  }
  for (let z = 0, from = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++, from += nx) {
      const to = ((z + z0) * shape[1] + y + y0) * shape[2] + x0;
      for (let x = 0; x < nx; x++) if (near[from + x]! <= limit) mark(to + x);
    }
  }
}

type Range = readonly [number, number];

/** The smallest box around all voxels that are 1, `margin` wider, inside the volume; nothing for an empty mask. */
function objectBox(mask: Uint8Array, shape: Shape3, margin: number): readonly [Range, Range, Range] | undefined {
  const [nz, ny, nx] = shape;
  const low = [nz, ny, nx];
  const high = [-1, -1, -1];
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++, i += nx) {
      const first = mask.subarray(i, i + nx).indexOf(1);
      if (first < 0) continue;
      const last = mask.subarray(i, i + nx).lastIndexOf(1);
      low[0] = Math.min(low[0]!, z);
      high[0] = z;
      low[1] = Math.min(low[1]!, y);
      high[1] = Math.max(high[1]!, y);
      low[2] = Math.min(low[2]!, first);
      high[2] = Math.max(high[2]!, last);
    }
  }
  if (high[0]! < 0) return undefined;
  return [0, 1, 2].map((axis) => [
    Math.max(0, low[axis]! - margin),
    Math.min(shape[axis]!, high[axis]! + margin + 1),
  ]) as unknown as readonly [Range, Range, Range];
}
