import { type AxisResampling, type LinearTaps, SPLINE_MARGIN } from "./resample-axis.ts";
import { SPLINE_MODULE } from "./spline-module.ts";
import { aligned, enlargeWasmMemory, instantiateWasm, type WasmMemory } from "./wasm-module.ts";

/** Columns copied into the module at a time along z. */
const PANEL_COLUMNS = 1024;
/** Columns that the module works on at a time. */
const BLOCK_COLUMNS = 64;

interface SplineExports {
  readonly memory: WasmMemory;
  panel(
    src: number,
    dst: number,
    stride: number,
    from: number,
    to: number,
    starts: number,
    weights: number,
    c: number,
    low: number,
    high: number,
  ): void;
  linear(
    src: number,
    nx: number,
    dst: number,
    my: number,
    mx: number,
    yTaps: number,
    yWeights: number,
    xTaps: number,
    xWeights: number,
    blend: number,
  ): void;
  transpose(src: number, rows: number, columns: number, strideIn: number, dst: number, strideOut: number): void;
}

let shared: SplineSimd | undefined | null = null;

/**
 * The cubic spline in WebAssembly with SIMD: the same float64 operations in the same order as the TypeScript loops, two
 * at a time, so the results are equal bit by bit. Its memory holds two slices or two panels and is kept.
 */
export class SplineSimd {
  readonly #wasm: SplineExports;

  /** The one instance of this process, undefined where WebAssembly or its SIMD instructions are missing. */
  static shared(): SplineSimd | undefined {
    if (shared === null) {
      const wasm = instantiateWasm<SplineExports>(SPLINE_MODULE);
      shared = wasm && new SplineSimd(wasm);
    }
    return shared;
  }

  /** Whether a slice [y, x] and what it becomes fit into the 4 GiB that WebAssembly can address. */
  static fits(from: readonly [number, number], to: readonly [number, number]): boolean {
    return 8 * largestSlice(from, to) < 2 ** 32 - 2 ** 26; // the rest: axes and coefficients
  }

  private constructor(wasm: SplineExports) {
    this.#wasm = wasm;
  }

  /** As `resamplePanel` for a cubic axis. `src` may be `dst`. */
  panel(
    src: Float32Array,
    srcOffset: number,
    dst: Float32Array,
    dstOffset: number,
    width: number,
    axis: AxisResampling,
    low: number,
    high: number,
  ): void {
    const { from, to } = axis;
    const columns = Math.min(PANEL_COLUMNS, padded(width));
    const memory = this.#layout([from * columns, to * columns], [axis]);
    const [input, output] = memory.matrices as [number, number];
    for (let x0 = 0; x0 < width; x0 += columns) {
      const w = Math.min(columns, width - x0);
      for (let i = 0; i < from; i++) {
        const row = srcOffset + i * width + x0;
        memory.floats.set(src.subarray(row, row + w), input / 4 + i * columns);
      }
      this.#run(axis, memory.axes[0]!, input, output, columns, low, high);
      for (let j = 0; j < to; j++) {
        const row = output / 4 + j * columns;
        dst.set(memory.floats.subarray(row, row + w), dstOffset + j * width + x0);
      }
    }
  }

  /**
   * Resamples a slice [y, x], both axes cubic or unchanged (undefined).
   *
   * @param from - [y, x] of the slice
   */
  plane(
    src: Float32Array,
    srcOffset: number,
    from: readonly [number, number],
    dst: Float32Array,
    dstOffset: number,
    alongY: AxisResampling | undefined,
    alongX: AxisResampling | undefined,
    low: number,
    high: number,
  ): void {
    const [ny, nx] = from;
    const my = alongY?.to ?? ny;
    const mx = alongX?.to ?? nx;
    const most = largestSlice(from, [my, mx]);
    const memory = this.#layout([most, most], [alongY, alongX]);
    let [input, output] = memory.matrices as [number, number];
    copyRows(src, srcOffset, nx, memory.floats, input / 4, padded(nx), ny, nx);
    const steps = (mx / nx <= my / ny ? ["x", "y"] : ["y", "x"]).filter((a) => (a === "x" ? alongX : alongY));
    let height = ny;
    let width = nx;
    steps.forEach((axis, i) => {
      const last = i === steps.length - 1;
      const range = last ? ([low, high] as const) : ([-Infinity, Infinity] as const);
      if (axis === "y") {
        this.#run(alongY!, memory.axes[0]!, input, output, padded(width), ...range);
        [input, output] = [output, input];
        height = my;
      } else {
        // Turned into `output`, resampled back into `input`, turned again into `output`.
        const turned = padded(height);
        this.#wasm.transpose(input, height, nx, padded(nx), output, turned);
        this.#run(alongX!, memory.axes[1]!, output, input, turned, ...range);
        this.#wasm.transpose(input, mx, height, turned, output, padded(mx));
        [input, output] = [output, input];
        width = mx;
      }
    });
    copyRows(memory.floats, input / 4, padded(mx), dst, dstOffset, mx, my, mx);
  }

  /** A slice [y, x] resampled linearly. */
  linear(
    src: Float32Array,
    srcOffset: number,
    from: readonly [number, number],
    dst: Float32Array,
    dstOffset: number,
    to: readonly [number, number],
    alongY: LinearTaps,
    alongX: LinearTaps,
  ): void {
    const [ny, nx] = from;
    const [my, mx] = to;
    const sizes = [4 * (ny * nx + 3), 4 * my * mx, 8 * my, 16 * my, 8 * mx, 16 * mx, 8 * (nx + 3)];
    let end = 1024;
    const [input, output, yTaps, yWeights, xTaps, xWeights, blend] = sizes.map((bytes) => {
      const first = end;
      end = aligned(end + bytes);
      return first;
    }) as [number, number, number, number, number, number, number];
    enlargeWasmMemory(this.#wasm.memory, end);
    const { buffer } = this.#wasm.memory;
    new Int32Array(buffer, yTaps).set(alongY.index);
    new Float64Array(buffer, yWeights).set(alongY.weights);
    new Int32Array(buffer, xTaps).set(alongX.index);
    new Float64Array(buffer, xWeights).set(alongX.weights);
    new Float32Array(buffer, input).set(src.subarray(srcOffset, srcOffset + ny * nx));
    this.#wasm.linear(input, nx, output, my, mx, yTaps, yWeights, xTaps, xWeights, blend);
    dst.set(new Float32Array(buffer, output, my * mx), dstOffset);
  }

  #run(axis: AxisResampling, at: AxisAddresses, src: number, dst: number, stride: number, low: number, high: number) {
    this.#wasm.panel(src, dst, stride, axis.from, axis.to, at.starts, at.weights, at.coefficients, low, high);
  }

  /** Lays out matrices (with room for the rows and columns that 4×4 blocks touch beyond them), axes and coefficients. */
  #layout(matrices: readonly number[], axes: readonly (AxisResampling | undefined)[]): Layout {
    let at = 1024;
    const take = (bytes: number) => {
      const first = at;
      at = aligned(at + bytes);
      return first;
    };
    const longest = Math.max(...axes.map((a) => a?.from ?? 0));
    const coefficients = take((longest + 2 * SPLINE_MARGIN) * BLOCK_COLUMNS * 8);
    const axisAddresses = axes.map((a) => ({
      coefficients,
      starts: take(4 * (a?.to ?? 0)),
      weights: take(32 * (a?.to ?? 0)),
    }));
    const matrixAddresses = matrices.map((n) => take(4 * n));
    enlargeWasmMemory(this.#wasm.memory, at);
    const { buffer } = this.#wasm.memory;
    axes.forEach((a, i) => {
      if (!a) return;
      new Int32Array(buffer).set(a.start, axisAddresses[i]!.starts / 4);
      new Float64Array(buffer).set(a.weights, axisAddresses[i]!.weights / 8);
    });
    return { floats: new Float32Array(buffer), matrices: matrixAddresses, axes: axisAddresses };
  }
}

interface AxisAddresses {
  readonly starts: number;
  readonly weights: number;
  readonly coefficients: number;
}

interface Layout {
  readonly floats: Float32Array;
  readonly matrices: readonly number[];
  readonly axes: readonly AxisAddresses[];
}

function largestSlice([ny, nx]: readonly [number, number], [my, mx]: readonly [number, number]): number {
  return padded(Math.max(ny, my)) * padded(Math.max(nx, mx));
}

function padded(n: number): number {
  return (n + 3) & ~3;
}

function copyRows(
  src: Float32Array,
  srcOffset: number,
  srcStride: number,
  dst: Float32Array,
  dstOffset: number,
  dstStride: number,
  rows: number,
  width: number,
): void {
  if (srcStride === width && dstStride === width) {
    dst.set(src.subarray(srcOffset, srcOffset + rows * width), dstOffset);
    return;
  }
  for (let r = 0; r < rows; r++) {
    const first = srcOffset + r * srcStride;
    dst.set(src.subarray(first, first + width), dstOffset + r * dstStride);
  }
}
