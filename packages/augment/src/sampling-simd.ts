import type { Shape3 } from "@nnunet/core";
import { aligned, enlargeWasmMemory, instantiateWasm, type WasmMemory } from "@nnunet/kernels";
import { SAMPLING_MODULE } from "./sampling-module.ts";
import { type SamplingTransform, sourceCentre } from "./spatial-transform.ts";

/** Source, its shape, target, its shape, matrix, scratch: addresses in bytes; see tools/wasm/sampling.as. */
type Places = [
  src: number,
  nz: number,
  ny: number,
  nx: number,
  dst: number,
  targetZ: number,
  targetY: number,
  targetX: number,
  matrix: number,
  scratch: number,
];

export interface SamplingExports {
  readonly memory: WasmMemory;
  sampleImage(...places: Places): void;
  sampleLabels(...placesAndRule: [...Places, argmax: boolean, outside: number]): void;
}

/** An instance whose memory has grown beyond this is given up after its use. */
const KEPT_BYTES = 128 * 2 ** 20;
const MATRIX = 256;
const SOURCE = 1024;
let shared: SamplingExports | undefined;
let missing = false;

/**
 * Runs a rotation and scaling in WebAssembly with SIMD, whose results equal those of the TypeScript loops bit by bit.
 *
 * @returns false where there is none, or too little memory: the caller then runs its loop
 */
export function sampleInSimd<T extends Float32Array | Int16Array>(
  source: T,
  shape: Shape3,
  target: Shape3,
  transform: SamplingTransform,
  out: T,
  run: (wasm: SamplingExports, places: Places) => void,
): boolean {
  if (missing) return false;
  const wasm = shared ?? instantiateWasm<SamplingExports>(SAMPLING_MODULE);
  missing = wasm === undefined;
  if (wasm === undefined) return false;
  shared = wasm;
  // Labels are read up to a plane, a row and a voxel beyond the last.
  const beyond = (shape[1] * shape[2] + shape[2] + 1) * source.BYTES_PER_ELEMENT;
  const destination = aligned(SOURCE + source.byteLength + beyond);
  const scratch = aligned(destination + out.byteLength);
  try {
    enlargeWasmMemory(wasm.memory, scratch + 32 * (target[2] + 1) + 64);
  } catch {
    return false;
  }
  const { buffer } = wasm.memory;
  const bytes = new Uint8Array(buffer);
  new Float64Array(buffer, MATRIX, 12).set([...transform.matrix, ...sourceCentre(shape, transform)]);
  bytes.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), SOURCE);
  run(wasm, [SOURCE, ...shape, destination, ...target, MATRIX, scratch]);
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(
    bytes.subarray(destination, destination + out.byteLength),
  );
  if (buffer.byteLength > KEPT_BYTES) shared = undefined;
  return true;
}
