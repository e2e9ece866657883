import { withChecksum } from "./checksum.ts";
import { type ChunkGrid, storedPlane } from "./chunk-grid.ts";

/*
 * The words of Zarr version 3 that our stores use. An array is one shard (one file, `c/0/0/0/0`): its chunks, each with a
 * CRC-32C behind it, then an index of (offset, bytes) per chunk, both uint64, and its CRC-32C. Any Zarr reader that knows
 * the sharding, crc32c and gzip codecs opens it.
 *
 * Of a preprocessed case the chunks are planes [1, 1, y, x] without compression, and the planes of one block of the grid
 * follow each other; our reader computes the offsets instead of reading the index. Of probabilities the chunks are whole
 * blocks, compressed, so that their places are known from the index alone.
 */

const codecs = [{ name: "bytes", configuration: { endian: "little" } }, { name: "crc32c" }];

export function groupMetadata(attributes: Record<string, unknown>): unknown {
  return { zarr_format: 3, node_type: "group", attributes };
}

/** An array [channel, z, y, x] in one shard. */
export function shardedMetadata(grid: ChunkGrid, dataType: "float32" | "int16", fill: number): unknown {
  return arrayInOneShard(grid, dataType, fill, [1, 1, grid.chunk[1], grid.chunk[2]], codecs);
}

/** The same with blocks [1, z, y, x] as chunks, compressed by gzip. */
export function compressedMetadata(grid: ChunkGrid, dataType: "float32"): unknown {
  const [bytes, checksum] = codecs;
  const gzip = { name: "gzip", configuration: { level: GZIP_LEVEL } };
  return arrayInOneShard(grid, dataType, 0, [1, ...grid.chunk], [bytes, gzip, checksum]);
}

/** On probabilities level 1 takes a third of the time of 6 and a tenth more bytes. */
export const GZIP_LEVEL = 1;

function arrayInOneShard(
  grid: ChunkGrid,
  dataType: string,
  fill: number,
  chunk: readonly number[],
  chunkCodecs: readonly unknown[],
): unknown {
  const shard = [grid.channels, ...grid.chunk.map((n, i) => n * grid.count[i]!)];
  return {
    zarr_format: 3,
    node_type: "array",
    shape: [grid.channels, ...grid.shape],
    data_type: dataType,
    chunk_grid: { name: "regular", configuration: { chunk_shape: shard } },
    chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
    fill_value: fill,
    codecs: [
      {
        name: "sharding_indexed",
        configuration: {
          chunk_shape: chunk,
          codecs: chunkCodecs,
          index_codecs: codecs,
          index_location: "end",
        },
      },
    ],
    dimension_names: ["channel", "z", "y", "x"],
    attributes: {},
  };
}

/** The shard's index, with its checksum: one entry per plane [channel, z, block y, block x] in C order. */
export function shardIndex(grid: ChunkGrid, bytesPerElement: number): Uint8Array {
  const { channels, chunk, count } = grid;
  const planeBytes = storedPlane(grid, bytesPerElement) * bytesPerElement;
  const index = new BigUint64Array(2 * planeCount(grid));
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let z = 0; z < chunk[0] * count[0]; z++) {
      for (let y = 0; y < count[1]; y++) {
        for (let x = 0; x < count[2]; x++, at += 2) {
          const block = ((c * count[0] + Math.floor(z / chunk[0])) * count[1] + y) * count[2] + x;
          index[at] = BigInt(block * chunk[0] + (z % chunk[0])) * BigInt(planeBytes);
          index[at + 1] = BigInt(planeBytes);
        }
      }
    }
  }
  return withChecksum(new Uint8Array(index.buffer));
}

/** Planes of the whole array, those that pad its last blocks counted in. */
export function planeCount({ channels, chunk, count }: ChunkGrid): number {
  return channels * chunk[0] * count[0] * count[1] * count[2];
}

/** Bytes of the shard's file. */
export function shardBytes(grid: ChunkGrid, bytesPerElement: number): number {
  return planeCount(grid) * (storedPlane(grid, bytesPerElement) * bytesPerElement + 16) + 4;
}

/** A list of int32 in one chunk. */
export function listMetadata(length: number): unknown {
  return {
    zarr_format: 3,
    node_type: "array",
    shape: [length],
    data_type: "int32",
    chunk_grid: { name: "regular", configuration: { chunk_shape: [Math.max(1, length)] } },
    chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
    fill_value: 0,
    codecs,
    attributes: {},
  };
}
