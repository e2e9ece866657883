import { InvalidArgumentError, type Shape3 } from "@nnunet/core";

/** The paper's four binary operators. Opening is erosion then dilation, closing the other way round. */
export type BinaryOperator = "dilation" | "erosion" | "opening" | "closing";
export const binaryOperators: readonly BinaryOperator[] = ["dilation", "erosion", "opening", "closing"];

/**
 * A binary operator with a ball as structuring element: all voxels at most `radius` away.
 *
 * What lies beyond the volume neither grows into it nor eats from it. Rows are packed into bits, 32 voxels to a word:
 * a ball is a stack of horizontal bars, and a bar's dilation of a whole row is a few shifts.
 *
 * @param mask - [z, y, x] of `shape`, 0 or 1; left alone
 * @param radius - voxels, need not be an integer; with z = 1 the ball is a disc
 * @throws {InvalidArgumentError} if the radius is negative or not a number
 * @example applyBinaryOperator(Uint8Array.of(0, 1, 0), [1, 1, 3], "dilation", 1); // [1, 1, 1]
 * @see paper, Supplement D (cascade, 1); docs/method.md §4.3
 */
export function applyBinaryOperator(
  mask: Uint8Array,
  shape: Shape3,
  operator: BinaryOperator,
  radius: number,
): Uint8Array {
  if (!(radius >= 0 && radius <= 100))
    throw new InvalidArgumentError("radius", "a number of voxels in [0, 100]", radius);
  const out = mask.slice();
  if (operator === "dilation" || operator === "closing") paintNear(out, 1, shape, radius);
  if (operator !== "dilation") paintNear(out, 0, shape, radius);
  if (operator === "opening") paintNear(out, 1, shape, radius);
  return out;
}

/** Gives `value` to every voxel within `radius` of one that has it, in place: 1 dilates the object, 0 erodes it. */
function paintNear(mask: Uint8Array, value: 0 | 1, shape: Shape3, radius: number): void {
  // One layer around the object holds the nearest background of all its voxels.
  const box = objectBox(mask, shape, value === 1 ? Math.floor(radius) : 1);
  if (box === undefined) return;
  const [[z0, z1], [y0, y1], [x0, x1]] = box;
  const [nz, ny, nx] = [z1 - z0, y1 - y0, x1 - x0];
  const words = Math.ceil(nx / 32);
  const rowAt = (z: number, y: number) => ((z + z0) * shape[1] + y + y0) * shape[2] + x0;

  const bits = new Int32Array(nz * ny * words);
  for (let z = 0, row = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++, row++) {
      const from = rowAt(z, y);
      for (let x0 = 0, w = row * words; x0 < nx; x0 += 32, w++) {
        const count = Math.min(32, nx - x0);
        let word = 0;
        for (let b = 0; b < count; b++) word |= (mask[from + x0 + b] === value ? 1 : 0) << b;
        bits[w] = word;
      }
    }
  }
  const near = new Int32Array(bits.length);
  const reach = Math.floor(radius);
  let bars: Int32Array = bits;
  for (let half = 0; half <= reach; half++) {
    if (half > 0) bars = widenByOne(bars, words);
    // Rows of the ball whose bar reaches exactly this far to either side.
    for (let dz = -reach; dz <= reach; dz++) {
      for (let dy = -reach; dy <= reach; dy++) {
        const rest = radius * radius - dz * dz - dy * dy;
        if (rest >= 0 && Math.floor(Math.sqrt(rest)) === half) unite(near, bars, nz, ny, words, dz, dy);
      }
    }
  }
  for (let z = 0, row = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++, row++) {
      const to = rowAt(z, y);
      for (let x0 = 0, w = row * words; x0 < nx; x0 += 32, w++) {
        const word = near[w]!;
        const count = Math.min(32, nx - x0);
        if (word === -1) mask.fill(value, to + x0, to + x0 + count);
        else if (word !== 0) for (let b = 0; b < count; b++) if ((word >>> b) & 1) mask[to + x0 + b] = value;
      }
    }
  }
}

/** Every row one voxel wider on both sides. */
function widenByOne(rows: Int32Array, words: number): Int32Array {
  return rows.map((word, i) => {
    const at = i % words;
    const before = at > 0 ? rows[i - 1]! >>> 31 : 0;
    const after = at < words - 1 ? rows[i + 1]! << 31 : 0;
    return word | (word << 1) | before | (word >>> 1) | after;
  });
}

/** near(z, y) |= bars(z + dz, y + dy) */
function unite(
  near: Int32Array,
  bars: Int32Array,
  nz: number,
  ny: number,
  words: number,
  dz: number,
  dy: number,
): void {
  const firstY = Math.max(0, -dy);
  const count = (Math.min(ny, ny - dy) - firstY) * words;
  for (let z = Math.max(0, -dz); z < Math.min(nz, nz - dz); z++) {
    const to = (z * ny + firstY) * words;
    const from = ((z + dz) * ny + firstY + dy) * words;
    for (let i = 0; i < count; i++) near[to + i]! |= bars[from + i]!;
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
      let first = 0;
      while (first < nx && mask[i + first] === 0) first++;
      if (first === nx) continue;
      let last = nx - 1;
      while (mask[i + last] === 0) last--;
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
