import type { OnnxGraph } from "@nnunet/unet-model";
import type { Weaving, WovenGrid } from "./weaving.ts";
import type { OnnxTape, OnnxValue } from "./onnx-tape.ts";

/** Geometry of a convolution. Shapes: x [n, ci, ...size], w [co, ci, ...kernel], y [n, co, ...size / stride]. */
export interface ConvolutionShape {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Of the input, [(z,) y, x]. */
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
}

/** How the three convolutions of a layer are expressed in ONNX; a provider has its own set (see docs/decisions). */
export interface ConvolutionLowering {
  forward(onnx: OnnxGraph, shape: ConvolutionShape, x: string, w: string, bias: string | undefined): string;
  /** Gradient by x, from dy and w. */
  inputGradient(onnx: OnnxGraph, shape: ConvolutionShape, dy: string, w: string): string;
  /** Gradient by w, from x and dy. */
  weightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string;
  /** How an up-convolution gets between its matrix product and the fine grid. */
  weaving(grid: WovenGrid): Weaving;
}

/**
 * Adds a convolution to the tape.
 *
 * @param biasCancels - an instance norm follows, which subtracts any bias again: its gradient is exactly 0 and is not computed
 */
export function convolution(
  tape: OnnxTape,
  lowering: ConvolutionLowering,
  x: OnnxValue,
  w: OnnxValue,
  bias: OnnxValue | undefined,
  kernel: readonly number[],
  stride: readonly number[],
  biasCancels: boolean,
): OnnxValue {
  const { onnx } = tape;
  const shape: ConvolutionShape = {
    batch: x.shape[0]!,
    inChannels: x.shape[1]!,
    outChannels: w.shape[0]!,
    size: x.shape.slice(2),
    kernel,
    stride,
  };
  const y = lowering.forward(onnx, shape, x.name, w.name, bias?.name);
  const outShape = [shape.batch, shape.outChannels, ...outputSize(shape)];
  return tape.record(y, outShape, bias ? [x, w, bias] : [x, w], (dy) => {
    const dw = lowering.weightGradient(onnx, shape, x.name, dy);
    const dx = tape.isTracked(x) ? lowering.inputGradient(onnx, shape, dy, w.name) : undefined;
    if (!bias) return [dx, dw];
    if (biasCancels) return [dx, dw, onnx.floats(new Array(shape.outChannels).fill(0), [shape.outChannels])];
    const axes = [0, ...kernel.map((_, axis) => axis + 2)];
    return [dx, dw, onnx.node("ReduceSum", [dy, onnx.integers(axes)], { keepdims: 0 })];
  });
}

export function outputSize(shape: ConvolutionShape): number[] {
  return shape.size.map((n, axis) => n / shape.stride[axis]!);
}

export function isPointwise(shape: ConvolutionShape): boolean {
  return shape.kernel.every((k) => k === 1) && shape.stride.every((s) => s === 1);
}
