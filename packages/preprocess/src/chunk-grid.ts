import type { Shape3 } from "@nnunet/core";

/** Longest edge of a chunk. 64³ float32 is 1 MiB: a patch of 128³ touches at most 27 chunks, a slice whole planes. */
const LONGEST_EDGE = 64;

/**
 * How a volume [channel, z, y, x] is cut into equal blocks [1, z, y, x], stored one after another in C order. A block is
 * stored plane by plane, each followed by its checksum: what is read of a block can be checked without the rest of it.
 */
export interface ChunkGrid {
  readonly channels: number;
  readonly shape: Shape3;
  /** Extent of a block; the last ones are padded. */
  readonly chunk: Shape3;
  /** Blocks per axis. */
  readonly count: Shape3;
  readonly chunkVoxels: number;
}

/** @example chunkGrid(1, [70, 30, 128]).chunk; // [35, 30, 64] */
export function chunkGrid(channels: number, shape: Shape3): ChunkGrid {
  const count = shape.map((n) => Math.ceil(n / LONGEST_EDGE)) as unknown as Shape3;
  const chunk = shape.map((n, i) => Math.ceil(n / count[i]!)) as unknown as Shape3;
  return { channels, shape, chunk, count, chunkVoxels: chunk[0] * chunk[1] * chunk[2] };
}

/** Every chunk of the volume in storage order, padded with `fill`. The same buffer is handed out each time. */
export function* chunksOf<T extends Float32Array | Int16Array>(data: T, grid: ChunkGrid, fill: number): Generator<T> {
  const { channels, shape, chunk, count, chunkVoxels } = grid;
  const [depth, height, width] = shape;
  const buffer = new (data.constructor as new (n: number) => T)(chunkVoxels);
  for (let c = 0; c < channels; c++) {
    for (let cz = 0; cz < count[0]; cz++) {
      for (let cy = 0; cy < count[1]; cy++) {
        for (let cx = 0; cx < count[2]; cx++) {
          buffer.fill(fill);
          const z0 = cz * chunk[0];
          const y0 = cy * chunk[1];
          const x0 = cx * chunk[2];
          const x1 = Math.min(x0 + chunk[2], width);
          for (let z = z0; z < Math.min(z0 + chunk[0], depth); z++) {
            for (let y = y0; y < Math.min(y0 + chunk[1], height); y++) {
              const row = ((c * depth + z) * height + y) * width;
              buffer.set(data.subarray(row + x0, row + x1), ((z - z0) * chunk[1] + (y - y0)) * chunk[2]);
            }
          }
          yield buffer;
        }
      }
    }
  }
}

/** Elements that a plane z of a block takes on disk, with its checksum of four bytes. */
export function storedPlane(grid: ChunkGrid, bytesPerElement: number): number {
  return grid.chunk[1] * grid.chunk[2] + 4 / bytesPerElement;
}

/** Fills `into` with whole planes and their checksums from plane `first` of the stored array on, and checks them. */
export type ReadPlanes<T> = (first: number, into: T) => Promise<void>;

/** Reads under way at a time; Node's thread pool has four threads. */
const CONCURRENT_READS = 4;

/**
 * Gathers a box from the blocks it touches. Of a block only the planes z that the box needs are read; they are
 * contiguous.
 *
 * @param start - [z, y, x], inside the volume with `size`
 * @param out - receives [channel, ...size]
 */
export async function gatherBox<T extends Float32Array | Int16Array>(
  grid: ChunkGrid,
  start: Shape3,
  size: Shape3,
  out: T,
  read: ReadPlanes<T>,
): Promise<void> {
  const { channels, chunk, count } = grid;
  const plane = storedPlane(grid, out.BYTES_PER_ELEMENT);
  const first = start.map((s, i) => Math.floor(s / chunk[i]!));
  const last = start.map((s, i) => Math.floor((s + size[i]! - 1) / chunk[i]!));
  const touched: [c: number, z: number, y: number, x: number][] = [];
  for (let c = 0; c < channels; c++) {
    for (let z = first[0]!; z <= last[0]!; z++) {
      for (let y = first[1]!; y <= last[1]!; y++) {
        for (let x = first[2]!; x <= last[2]!; x++) touched.push([c, z, y, x]);
      }
    }
  }
  const deepest = Math.min(chunk[0], size[0]);
  let next = 0;
  const runner = async () => {
    const buffer = new (out.constructor as new (n: number) => T)(deepest * plane);
    while (next < touched.length) {
      const [c, cz, cy, cx] = touched[next++]!;
      const [z0, z1] = overlap(0, cz);
      const [y0, y1] = overlap(1, cy);
      const [x0, x1] = overlap(2, cx);
      const index = ((c * count[0] + cz) * count[1] + cy) * count[2] + cx;
      const planes = buffer.subarray(0, (z1 - z0) * plane) as T;
      await read(index * chunk[0] + z0 - cz * chunk[0], planes);
      for (let z = z0; z < z1; z++) {
        for (let y = y0; y < y1; y++) {
          const from = (z - z0) * plane + (y - cy * chunk[1]) * chunk[2] + (x0 - cx * chunk[2]);
          const to = ((c * size[0] + z - start[0]) * size[1] + y - start[1]) * size[2] + x0 - start[2];
          out.set(planes.subarray(from, from + x1 - x0), to);
        }
      }
    }
  };
  const overlap = (axis: 0 | 1 | 2, index: number): [number, number] => [
    Math.max(start[axis], index * chunk[axis]),
    Math.min(start[axis] + size[axis], (index + 1) * chunk[axis]),
  ];
  await Promise.all(Array.from({ length: Math.min(CONCURRENT_READS, touched.length) }, runner));
}
