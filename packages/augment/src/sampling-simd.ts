import type { Shape3 } from "@nnunet/core";
import { type SamplingTransform, sourceCentre } from "./spatial-transform.ts";
import { runFromTo, type SamplingPlaces, type VoxelExports } from "./voxel-simd.ts";

export type SampleInSimd = (wasm: VoxelExports, places: SamplingPlaces) => void;

/** Where the SIMD module finds the matrix and the centre. */
const MATRIX = 256;

/** Room that sampling needs beside source and patch: places and weights of a row, and 16 lines of the spline filter. */
export function samplingScratch(shape: Shape3, target: Shape3): number {
  return Math.max(32 * (target[2] + 1) + 64, 64 * Math.max(...shape));
}

/**
 * Runs a rotation and scaling in WebAssembly with SIMD, whose results equal those of the TypeScript loops bit by bit.
 *
 * @param copied - work on a copy of the source, because `run` changes it
 * @returns false where there is none, or too little memory: the caller then runs its loop
 */
export function sampleInSimd<T extends Float32Array | Int16Array>(
  source: T,
  shape: Shape3,
  target: Shape3,
  transform: SamplingTransform,
  out: T,
  run: SampleInSimd,
  copied = false,
): boolean {
  return runFromTo(
    source,
    out,
    { shape, scratch: samplingScratch(shape, target), copied },
    (wasm, src, dst, scratch) => {
      new Float64Array(wasm.memory.buffer, MATRIX, 12).set([...transform.matrix, ...sourceCentre(shape, transform)]);
      run(wasm, [src, ...shape, dst, ...target, MATRIX, scratch]);
    },
  );
}
