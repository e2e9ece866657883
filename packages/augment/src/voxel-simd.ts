import { enlargeWasmMemory, instantiateWasm, type WasmMemory } from "@nnunet/kernels";
import { VOXEL_MODULE } from "./voxel-module.ts";

/** Addresses are bytes, counts are voxels; see tools/wasm/voxel-steps.as. */
export interface VoxelExports {
  readonly memory: WasmMemory;
  scale(src: number, dst: number, n: number, factor: number): void;
  stretch(
    src: number,
    dst: number,
    n: number,
    from: number,
    factor: number,
    to: number,
    low: number,
    high: number,
  ): void;
  range(src: number, n: number, lanes: number): void;
  statistics(src: number, n: number, shift: number, lanes: number): void;
  power(
    src: number,
    dst: number,
    n: number,
    origin: number,
    inverse: number,
    coarse: number,
    fine: number,
    gamma: number,
    tiny: number,
    extent: number,
    low: number,
    high: number,
  ): void;
  noise(src: number, dst: number, n: number, deviation: number, state: number, tables: number): void;
  blurAcross(
    data: number,
    stride: number,
    width: number,
    length: number,
    kernel: number,
    radius: number,
    source: number,
    sheet: number,
  ): void;
  blurRows(
    data: number,
    rows: number,
    length: number,
    kernel: number,
    radius: number,
    source: number,
    line: number,
  ): void;
  mirror(data: number, nz: number, ny: number, nx: number, bytes: number, axes: number): void;
}

export type Voxels = Float32Array | Int16Array | Uint8Array;

/** Small tables and results of a step lie below; what they are is the step's own business. */
const CHUNK = 8192;
/** Voxels of a caller's array that are copied in at a time: a multiple of the lanes, and few enough for the L1 cache. */
const CHUNK_VOXELS = 4096;
const BLUR = CHUNK + 4 * CHUNK_VOXELS;

/** Where the blur finds its tables, and how much goes into them. */
export const BLUR_LAYOUT = {
  kernel: BLUR,
  longestKernel: 512,
  source: BLUR + 8 * 512,
  longestLine: 8192,
  sheet: BLUR + 8 * 512 + 4 * 8192,
} as const;
const DATA = BLUR_LAYOUT.sheet + 16 * 8 * 8192;
/** Loads of four voxels may begin at the last one. */
const MARGIN = 64;

/**
 * The steps on voxels in WebAssembly with SIMD: the same operations in the same order as the TypeScript loops, so the
 * results are equal bit by bit.
 *
 * There are two instances. One holds the patch of {@link patchMemory}, on which steps work without copying; the
 * other copies a caller's arrays in and out. So neither growing nor copying disturbs the patch.
 */
class VoxelSimd {
  readonly wasm: VoxelExports;

  constructor(wasm: VoxelExports) {
    this.wasm = wasm;
    enlargeWasmMemory(wasm.memory, DATA);
  }

  /** Room for the voxels of a patch. @throws {RangeError} if there is not so much memory */
  data(bytes: number): Uint8Array<ArrayBuffer> {
    enlargeWasmMemory(this.wasm.memory, DATA + bytes + MARGIN);
    return new Uint8Array(this.wasm.memory.buffer, DATA, bytes);
  }

  holds(array: Voxels): boolean {
    return array.buffer === this.wasm.memory.buffer;
  }

  /** `length` voxels copied in at a time. */
  chunk(length: number): Float32Array {
    return new Float32Array(this.wasm.memory.buffer, CHUNK, length);
  }
}

const simdImports = { rare: { log: Math.log, exp: Math.exp } };
/** A memory that arrays were copied into and that has grown beyond this is given up after its use. */
const KEPT_BYTES = 128 * 2 ** 20;
let instances: { readonly patch: VoxelSimd; copies: VoxelSimd } | undefined | null = null;

function newInstance(): VoxelSimd | undefined {
  const wasm = instantiateWasm<VoxelExports>(VOXEL_MODULE, simdImports);
  return wasm && new VoxelSimd(wasm);
}

/** The two instances of this thread, undefined where WebAssembly or its SIMD instructions are missing. */
function voxelSimd() {
  if (instances === null) {
    const [patch, copies] = [newInstance(), newInstance()];
    instances = patch && copies && { patch, copies };
  }
  return instances;
}

/**
 * A patch in the memory of the SIMD instructions, where no step has to copy it; an ordinary array where there are
 * none, or too little memory. Good until the next call, with unspecified content.
 *
 * @param length - voxels of all channels
 * @example
 * const fast = patchMemory(patch.length);
 * fast.set(patch);
 * patch.set(scaleBrightness(fast, 1.2, fast));
 */
export function patchMemory(length: number): Float32Array<ArrayBuffer> {
  const simd = voxelSimd();
  try {
    if (simd) return new Float32Array(simd.patch.data(4 * length).buffer, DATA, length);
  } catch {
    // the same numbers, a little slower
  }
  return new Float32Array(length);
}

/**
 * Runs a step voxel by voxel, from `channel` to `out`, in WebAssembly.
 *
 * @param prepare - writes the step's tables into the instance that is used
 * @param step - works on n voxels at `src`, writes n at `dst`; called several times, in order, for a caller's array
 * @returns false where there is none: the caller then runs its TypeScript loop
 */
export function runVoxelSteps(
  channel: Float32Array,
  out: Float32Array | undefined,
  step: (wasm: VoxelExports, src: number, dst: number, n: number) => void,
  prepare?: (memory: ArrayBuffer) => void,
): boolean {
  const simd = voxelSimd();
  if (simd === undefined) return false;
  const { patch, copies } = simd;
  const used = patch.holds(out ?? channel) ? patch : copies;
  prepare?.(used.wasm.memory.buffer);
  if (used === patch) {
    const dst = (out ?? channel).byteOffset;
    if (out !== undefined && !patch.holds(channel)) out.set(channel);
    step(patch.wasm, patch.holds(channel) ? channel.byteOffset : dst, dst, channel.length);
  } else {
    for (let first = 0; first < channel.length; first += CHUNK_VOXELS) {
      const chunk = copies.chunk(Math.min(CHUNK_VOXELS, channel.length - first));
      chunk.set(channel.subarray(first, first + chunk.length));
      step(copies.wasm, CHUNK, CHUNK, chunk.length);
      out?.set(chunk, first);
    }
  }
  return true;
}

/**
 * Runs a step on a whole array in place, in WebAssembly.
 *
 * @param step - works on the voxels at `address`
 * @returns false where there is none, or too little memory
 */
export function runOnWhole(data: Voxels, step: (wasm: VoxelExports, address: number) => void): boolean {
  const simd = voxelSimd();
  if (simd === undefined) return false;
  const { patch, copies } = simd;
  if (patch.holds(data)) {
    step(patch.wasm, data.byteOffset);
    return true;
  }
  let copy: Uint8Array;
  try {
    copy = copies.data(data.byteLength);
  } catch {
    return false;
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  copy.set(bytes);
  step(copies.wasm, DATA);
  bytes.set(copy);
  if (copies.wasm.memory.buffer.byteLength > KEPT_BYTES) simd.copies = newInstance() ?? copies;
  return true;
}
