import type { ChunkGrid } from "./chunk-grid.ts";

/*
 * The words of Zarr version 3 that our store uses. An array is one shard (one file, `c/0/0/0/0`): its chunks one after
 * another without compression, then an index of (offset, bytes) per chunk, both uint64. Any Zarr reader that knows the
 * sharding codec opens it; ours computes the offsets instead of reading the index.
 */

const bytes = { name: "bytes", configuration: { endian: "little" } };

export function groupMetadata(attributes: Record<string, unknown>): unknown {
  return { zarr_format: 3, node_type: "group", attributes };
}

/** An array [channel, z, y, x] in one shard. */
export function shardedMetadata(grid: ChunkGrid, dataType: "float32" | "int16", fill: number): unknown {
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
          chunk_shape: [1, ...grid.chunk],
          codecs: [bytes],
          index_codecs: [bytes],
          index_location: "end",
        },
      },
    ],
    dimension_names: ["channel", "z", "y", "x"],
    attributes: {},
  };
}

/** The shard's index. */
export function shardIndex(grid: ChunkGrid, bytesPerElement: number): Uint8Array {
  const chunks = grid.channels * grid.count[0] * grid.count[1] * grid.count[2];
  const chunkBytes = BigInt(grid.chunkVoxels * bytesPerElement);
  const index = new BigUint64Array(2 * chunks);
  for (let i = 0; i < chunks; i++) {
    index[2 * i] = BigInt(i) * chunkBytes;
    index[2 * i + 1] = chunkBytes;
  }
  return new Uint8Array(index.buffer);
}

/** Bytes of the shard's file. */
export function shardBytes(grid: ChunkGrid, bytesPerElement: number): number {
  const chunks = grid.channels * grid.count[0] * grid.count[1] * grid.count[2];
  return chunks * (grid.chunkVoxels * bytesPerElement + 16);
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
    codecs: [bytes],
    attributes: {},
  };
}
