import type { Shape3, VoxelArray } from "@nnunet/core";
import { LABEL_MODULE } from "./label-module.ts";
import { aligned, enlargeWasmMemory, instantiateWasm, type WasmMemory } from "./wasm-module.ts";

interface LabelExports {
  readonly memory: WasmMemory;
  addPlane(
    values: number,
    size: number,
    z: number,
    height: number,
    width: number,
    starts: number,
    runs: number,
    reach: number,
  ): number;
  numberRuns(runs: number, total: number): number;
}

/** An instance whose memory has grown beyond this is given up after its use. */
const KEPT_BYTES = 64 * 2 ** 20;
let shared: LabelExports | undefined;
let missing = false;

/**
 * {@link labelRuns} in WebAssembly with SIMD, for voxels of one or two bytes: the same runs and numbers.
 *
 * @returns undefined where it cannot run; the table is good until the next call
 */
export function labelRunsInSimd(values: VoxelArray, shape: Shape3, reach: 0 | 1) {
  const size = values.BYTES_PER_ELEMENT;
  if (missing || size > 2) return undefined;
  const wasm = shared ?? instantiateWasm<LabelExports>(LABEL_MODULE);
  shared = wasm;
  if (wasm === undefined) {
    missing = true;
    return undefined;
  }
  const [depth, height, width] = shape;
  const planeBytes = height * width * size;
  const starts = 1024;
  const plane = aligned(starts + 4 * (depth * height + 1));
  const runs = aligned(plane + planeBytes + 64);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let total = 0;
  try {
    for (let z = 0; z < depth; z++) {
      // At most a run a voxel; memory grows by a quarter at least, because growing may copy it.
      const needed = runs + 16 * (total + height * width);
      if (needed > wasm.memory.buffer.byteLength) {
        enlargeWasmMemory(wasm.memory, z === 0 ? needed : Math.max(needed, 1.25 * wasm.memory.buffer.byteLength));
      }
      if (z === 0) new Int32Array(wasm.memory.buffer, starts, 1)[0] = 0;
      new Uint8Array(wasm.memory.buffer).set(bytes.subarray(z * planeBytes, (z + 1) * planeBytes), plane);
      total = wasm.addPlane(plane, size, z, height, width, starts, runs, reach);
    }
  } catch (error) {
    shared = undefined;
    if (error instanceof RangeError) return undefined; // too little memory for this; TypeScript may still do
    throw error;
  }
  const count = wasm.numberRuns(runs, total);
  if (wasm.memory.buffer.byteLength > KEPT_BYTES) shared = undefined;
  return { table: new Int32Array(wasm.memory.buffer, runs, 4 * total), count };
}
