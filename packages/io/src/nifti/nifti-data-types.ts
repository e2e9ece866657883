import type { VoxelArray } from "@nnunet/core";
import type { StoredType } from "../voxels/stored-voxels.ts";

/** How a NIfTI `datatype` is stored. */
export interface NiftiDataType {
  readonly code: number;
  /** For people: "int16", "rgb24". */
  readonly name: string;
  readonly stored: StoredType;
  /** Of one component. */
  readonly bytes: number;
  /** 3 for RGB, 4 for RGBA: stored interleaved. */
  readonly components: number;
}

const table: readonly (readonly [code: number, name: string, bytes: number, components: number])[] = [
  [2, "uint8", 1, 1],
  [4, "int16", 2, 1],
  [8, "int32", 4, 1],
  [16, "float32", 4, 1],
  [64, "float64", 8, 1],
  [128, "rgb24", 1, 3],
  [256, "int8", 1, 1],
  [512, "uint16", 2, 1],
  [768, "uint32", 4, 1],
  [1024, "int64", 8, 1],
  [1280, "uint64", 8, 1],
  [2304, "rgba32", 1, 4],
];

/** Types that exist in the standard and hold no image that a segmentation network takes. */
export const refusedDataTypes: Readonly<Record<number, string>> = {
  1: "1-bit binary",
  32: "complex64",
  1536: "float128",
  1792: "complex128",
  2048: "complex256",
};

export const niftiDataTypes: ReadonlyMap<number, NiftiDataType> = new Map(
  table.map(([code, name, bytes, components]) => {
    const stored = components > 1 ? "uint8" : (name as StoredType);
    return [code, { code, name, stored, bytes, components }];
  }),
);

/** The `datatype` code for an array, so that nothing is converted on writing. */
export function niftiCodeOf(data: VoxelArray): number {
  if (data instanceof Uint8Array) return 2;
  if (data instanceof Int16Array) return 4;
  if (data instanceof Int32Array) return 8;
  if (data instanceof Float32Array) return 16;
  if (data instanceof Float64Array) return 64;
  if (data instanceof Int8Array) return 256;
  if (data instanceof Uint16Array) return 512;
  return 768;
}
