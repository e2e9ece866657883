import type { Shape3 } from "@nnunet/core";
import { aligned, enlargeWasmMemory, instantiateWasm, type WasmMemory } from "@nnunet/kernels";
import { VOXEL_MODULE } from "./voxel-module.ts";

/** Source, its shape, target, its shape, matrix, scratch: see tools/wasm/sampling.as. */
export type SamplingPlaces = [
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

/** Addresses are bytes, counts are voxels; see tools/wasm/voxel-steps.as, sampling.as and spline-filter.as. */
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
  widenLabels(src: number, dst: number, n: number): void;
  sampleImage(...places: SamplingPlaces): void;
  sampleCubic(...places: SamplingPlaces): void;
  sampleLabels(...placesAndRule: [...SamplingPlaces, argmax: boolean, outside: number]): void;
  filterRows(data: number, rows: number, n: number, table: number, terms: number, sheet: number): void;
  filterAcross(data: number, width: number, n: number, table: number, terms: number, sheet: number): void;
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
  /** Behind the arrays that were handed out last. */
  free = DATA;

  constructor(wasm: VoxelExports) {
    this.wasm = wasm;
    enlargeWasmMemory(wasm.memory, DATA);
  }

  /** Room for the voxels of a patch. @throws {RangeError} if there is not so much memory */
  data(bytes: number): Uint8Array<ArrayBuffer> {
    enlargeWasmMemory(this.wasm.memory, DATA + bytes + MARGIN);
    return new Uint8Array(this.wasm.memory.buffer, DATA, bytes);
  }

  /** Arrays beside each other, and `scratch` bytes behind them. @throws {RangeError} if there is not so much memory */
  arrays(bytes: readonly number[], scratch: number): number[] {
    let at = DATA;
    const places = bytes.map((length) => {
      const first = at;
      at = aligned(at + length);
      return first;
    });
    enlargeWasmMemory(this.wasm.memory, at + scratch + MARGIN);
    this.free = at;
    return places;
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
  return patchRoom(length, 0, 0, 0).image;
}

/** What a sample is made in. Good until the next one is asked for, with unspecified content. */
export interface PatchRoom {
  readonly image: Float32Array<ArrayBuffer>;
  readonly seg: Int16Array<ArrayBuffer>;
  /** One channel that the patch is sampled from, or the labels: both lie in the same place. */
  readonly source: { readonly image: Float32Array<ArrayBuffer>; readonly seg: Int16Array<ArrayBuffer> };
}

/**
 * As {@link patchMemory}, with labels and with what both are sampled from; the latter only while it is small enough to
 * be kept for good.
 *
 * @param image - voxels of all channels
 * @param seg - voxels
 * @param source - voxels
 * @param scratch - bytes that sampling needs
 */
export function patchRoom(image: number, seg: number, source: number, scratch: number): PatchRoom {
  const patch = voxelSimd()?.patch;
  const sizes = [4 * image, 2 * seg];
  const kept = 4 * image + 2 * seg + 4 * source <= KEPT_BYTES;
  try {
    if (patch) {
      const [first, second, third] = patch.arrays(kept ? [...sizes, 4 * source] : sizes, kept ? scratch : 0);
      const { buffer } = patch.wasm.memory;
      return {
        image: new Float32Array(buffer, first, image),
        seg: new Int16Array(buffer, second, seg),
        source: kept ? inOnePlace(buffer, third!, source) : inOnePlace(new ArrayBuffer(4 * source), 0, source),
      };
    }
  } catch {
    // the same numbers, a little slower
  }
  return {
    image: new Float32Array(image),
    seg: new Int16Array(seg),
    source: inOnePlace(new ArrayBuffer(4 * source), 0, source),
  };
}

function inOnePlace(buffer: ArrayBuffer, at: number, length: number): PatchRoom["source"] {
  return { image: new Float32Array(buffer, at, length), seg: new Int16Array(buffer, at, length) };
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

/**
 * Writes labels as int32 from `offset` on, 0 for negative ones, in WebAssembly.
 *
 * @returns false where there is none
 */
export function widenLabels(seg: Int16Array, out: Int32Array, offset: number): boolean {
  const simd = voxelSimd();
  if (simd === undefined) return false;
  const used = simd.patch.holds(seg) ? simd.patch : simd.copies;
  const { buffer } = used.wasm.memory;
  const wide = new Int32Array(buffer, CHUNK, CHUNK_VOXELS);
  const narrow = new Int16Array(buffer, BLUR_LAYOUT.sheet, CHUNK_VOXELS);
  for (let first = 0; first < seg.length; first += CHUNK_VOXELS) {
    const count = Math.min(CHUNK_VOXELS, seg.length - first);
    if (used === simd.copies) narrow.set(seg.subarray(first, first + count));
    used.wasm.widenLabels(used === simd.copies ? narrow.byteOffset : seg.byteOffset + 2 * first, CHUNK, count);
    out.set(count === CHUNK_VOXELS ? wide : wide.subarray(0, count), offset + first);
  }
  return true;
}

/**
 * Runs a step from one array to another, in WebAssembly.
 *
 * @param how.shape - of the source: it may be read, but not used, up to a plane, a row and a voxel beyond the last
 * @param how.scratch - bytes that the step needs
 * @param how.copied - the step changes the source, which must not be seen
 * @returns false where there is none, or too little memory
 */
export function runFromTo<T extends Float32Array | Int16Array>(
  source: T,
  out: T,
  { shape, scratch, copied }: { shape: Shape3; scratch: number; copied: boolean },
  step: (wasm: VoxelExports, src: number, dst: number, scratch: number) => void,
): boolean {
  const simd = voxelSimd();
  if (simd === undefined) return false;
  const { patch, copies } = simd;
  const beyond = (shape[1] * shape[2] + shape[2] + 1) * source.BYTES_PER_ELEMENT;
  const room =
    patch.wasm.memory.buffer.byteLength -
    Math.max(patch.free + scratch, source.byteOffset + source.byteLength + beyond);
  if (!copied && patch.holds(source) && patch.holds(out) && room >= 0) {
    step(patch.wasm, source.byteOffset, out.byteOffset, patch.free);
    return true;
  }
  let places: number[];
  try {
    places = copies.arrays([source.byteLength + beyond, out.byteLength], scratch);
  } catch {
    return false;
  }
  const bytes = new Uint8Array(copies.wasm.memory.buffer);
  bytes.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), places[0]);
  step(copies.wasm, places[0]!, places[1]!, copies.free);
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(
    bytes.subarray(places[1], places[1]! + out.byteLength),
  );
  if (copies.wasm.memory.buffer.byteLength > KEPT_BYTES) simd.copies = newInstance() ?? copies;
  return true;
}
