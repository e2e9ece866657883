import type { OnnxGraph } from "@nnunet/unet-model";
import { onceComputed } from "./execution-order.ts";
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

/** One tensor of a convolution's input, and the weights of its channels. */
export interface ConvolutionPart {
  /** Its own channels only. */
  readonly shape: ConvolutionShape;
  readonly x: string;
  readonly w: string;
}

/** @param overVoxels - it sums over the voxels of a batch, as weight gradients do */
export type MatrixProduct = (onnx: OnnxGraph, a: string, b: string, overVoxels: boolean) => string;

/** How the three convolutions of a layer are expressed in ONNX; a provider has its own set (see docs/decisions). */
export interface ConvolutionLowering {
  /** The sum over parts; more than one where the input is concatenated channels. */
  forward(onnx: OnnxGraph, parts: readonly ConvolutionPart[], bias: string | undefined): string;
  /** Gradient by x, from dy and w. */
  inputGradient(onnx: OnnxGraph, shape: ConvolutionShape, dy: string, w: string): string;
  /** Gradient by w, from x and dy. */
  weightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string;
  /** Of up-convolutions; a plain `MatMul` where it is not given. */
  readonly matMul?: MatrixProduct;
  /** Joining along a long axis is slow there, see `joinInRows`. */
  readonly tabulatesAxes?: boolean;
  /** Where features may lie in onnxruntime's channel-blocked layout: those of so many voxels of the batch. */
  readonly blocks?: { readonly channels: number; readonly fewestVoxels: number };
}

/**
 * Adds a convolution to the tape.
 *
 * @param inputs - their channels, one after the other, are the input; joining them first would keep another copy of
 *   the largest activations
 * @param biasCancels - an instance norm follows, which subtracts any bias again: its gradient is exactly 0 and is not computed
 */
export function convolution(
  tape: OnnxTape,
  lowering: ConvolutionLowering,
  inputs: readonly OnnxValue[],
  w: OnnxValue,
  bias: OnnxValue | undefined,
  kernel: readonly number[],
  stride: readonly number[],
  biasCancels: boolean,
): OnnxValue {
  const { onnx } = tape;
  const weights = splitChannels(onnx, w.name, inputs);
  const parts = inputs.map((x, i): ConvolutionPart => {
    const [batch, inChannels, ...size] = x.shape as [number, number, ...number[]];
    const shape = { batch, inChannels, outChannels: w.shape[0]!, size, kernel, stride };
    return { shape, x: x.name, w: weights[i]! };
  });
  const { shape } = parts[0]!;
  const y = lowering.forward(onnx, parts, bias?.name);
  const outShape = [shape.batch, shape.outChannels, ...outputSize(shape)];
  return tape.record(y, outShape, bias ? [...inputs, w, bias] : [...inputs, w], (dy) => {
    const dws = parts.map((part) => lowering.weightGradient(onnx, part.shape, part.x, dy));
    const dxs = parts.map((part, i) => {
      if (!tape.isTracked(inputs[i]!)) return undefined;
      const weight = onceComputed(onnx, part.w, [shape.outChannels, part.shape.inChannels, ...kernel], dws[i]!);
      return lowering.inputGradient(onnx, part.shape, dy, weight);
    });
    const dw = dws.length === 1 ? dws[0]! : onnx.node("Concat", dws, { axis: 1 });
    if (!bias) return [...dxs, dw];
    if (biasCancels) return [...dxs, dw, onnx.floats(new Array(shape.outChannels).fill(0), [shape.outChannels])];
    const axes = [0, ...kernel.map((_, axis) => axis + 2)];
    return [...dxs, dw, onnx.node("ReduceSum", [dy, onnx.integers(axes)], { keepdims: 0 })];
  });
}

/** w [co, ci, …] → one tensor for the channels of each input. */
function splitChannels(onnx: OnnxGraph, w: string, inputs: readonly OnnxValue[]): readonly string[] {
  if (inputs.length === 1) return [w];
  const names = inputs.map(() => onnx.fresh("Split"));
  return onnx.nodeWithOutputs("Split", [w, onnx.integers(inputs.map((x) => x.shape[1]!))], names, { axis: 1 });
}

export function outputSize(shape: ConvolutionShape): number[] {
  return shape.size.map((n, axis) => n / shape.stride[axis]!);
}

export function isPointwise(shape: ConvolutionShape): boolean {
  return shape.kernel.every((k) => k === 1) && shape.stride.every((s) => s === 1);
}
