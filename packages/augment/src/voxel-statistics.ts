import { runVoxelSteps, type VoxelExports } from "./voxel-simd.ts";

export interface VoxelRange {
  readonly minimum: number;
  readonly maximum: number;
}

export interface VoxelStatistics extends VoxelRange {
  readonly mean: number;
  /** Of the population. */
  readonly standardDeviation: number;
}

/** Smallest and largest voxel; NaN is passed over. */
export function voxelRange(channel: Float32Array, simd: boolean): VoxelRange {
  const lanes = gather(
    channel,
    simd,
    (wasm, src, n) => wasm.range(src, n, LANES),
    (into) => {
      for (let i = 0; i < channel.length; i++) widen(into, i & 3, channel[i]!);
    },
  );
  return rangeOf(lanes);
}

/** Range, mean and standard deviation, accumulated in float64. */
export function voxelStatistics(channel: Float32Array, simd: boolean): VoxelStatistics {
  // Squares are taken about the first value, so that a large common offset does not cancel.
  const shift = channel[0] ?? 0;
  const lanes = gather(
    channel,
    simd,
    (wasm, src, n) => wasm.statistics(src, n, shift, LANES),
    (into) => {
      for (let i = 0; i < channel.length; i++) {
        const lane = i & 3;
        widen(into, lane, channel[i]!);
        const d = channel[i]! - shift;
        into.sums[lane]! += d;
        into.squares[lane]! += d * d;
      }
    },
  );
  const n = Math.max(1, channel.length);
  const mean = total(lanes.sums) / n;
  return {
    ...rangeOf(lanes),
    mean: mean + shift,
    standardDeviation: Math.sqrt(Math.max(0, total(lanes.squares) / n - mean * mean)),
  };
}

/** Four numbers each, of which number i is that of every fourth voxel from i on, as in a SIMD register. */
interface Lanes {
  readonly least: Float32Array;
  readonly most: Float32Array;
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** Where the SIMD module keeps them. */
const LANES = 64;

function emptyLanes(buffer: ArrayBuffer, at: number): Lanes {
  return {
    least: new Float32Array(buffer, at, 4).fill(Number.POSITIVE_INFINITY),
    most: new Float32Array(buffer, at + 16, 4).fill(Number.NEGATIVE_INFINITY),
    sums: new Float64Array(buffer, at + 32, 4).fill(0),
    squares: new Float64Array(buffer, at + 64, 4).fill(0),
  };
}

function gather(
  channel: Float32Array,
  simd: boolean,
  step: (wasm: VoxelExports, src: number, n: number) => void,
  loop: (lanes: Lanes) => void,
): Lanes {
  let lanes: Lanes | undefined;
  const prepare = (memory: ArrayBuffer) => {
    lanes = emptyLanes(memory, LANES);
  };
  if (simd && runVoxelSteps(channel, undefined, (wasm, src, _, n) => step(wasm, src, n), prepare)) return lanes!;
  const own = emptyLanes(new ArrayBuffer(96), 0);
  loop(own);
  return own;
}

function widen({ least, most }: Lanes, lane: number, value: number): void {
  if (value < least[lane]!) least[lane] = value;
  if (value > most[lane]!) most[lane] = value;
}

function rangeOf({ least, most }: Lanes): VoxelRange {
  return { minimum: Math.min(...least), maximum: Math.max(...most) };
}

const total = (lanes: Float64Array) => lanes[0]! + lanes[1]! + (lanes[2]! + lanes[3]!);
