import { elementCount } from "@nnunet/core";
import { interleaveTaps, type OnnxGraph, type WovenGrid } from "@nnunet/unet-model";
import type { MatrixProduct } from "./convolution.ts";
import { onceComputed } from "./execution-order.ts";
import type { OnnxTape, OnnxValue } from "./onnx-tape.ts";

const perChannel = (x: OnnxValue): number[] => [1, x.shape[1]!, ...x.shape.slice(2).map(() => 1)];

/** x where x > 0, slope·x elsewhere. The gradient reads the sign off the output, so the input need not be kept. */
export function leakyRelu(tape: OnnxTape, x: OnnxValue, slope: number): OnnxValue {
  const { onnx } = tape;
  const y = onnx.node("LeakyRelu", [x.name], { alpha: { float: slope } });
  return tape.record(y, x.shape, [x], (dy) => {
    // 1 where y > 0 and slope elsewhere: one multiplication and one clip are 3 times faster than Greater and Where
    const huge = onnx.node("Mul", [y, onceComputed(onnx, onnx.scalar(1e38), [], dy)]);
    const factor = onnx.node("Clip", [huge, onnx.scalar(slope), onnx.scalar(1)]);
    return [onnx.node("Mul", [dy, factor])];
  });
}

/** Channels of `a`, then channels of `b`. */
export function concat(tape: OnnxTape, inputs: readonly OnnxValue[]): OnnxValue {
  const { onnx } = tape;
  const first = inputs[0]!;
  const channels = inputs.map((v) => v.shape[1]!);
  const shape = [first.shape[0]!, channels.reduce((a, b) => a + b), ...first.shape.slice(2)];
  const y = onnx.node(
    "Concat",
    inputs.map((v) => v.name),
    { axis: 1 },
  );
  return tape.record(y, shape, inputs, (dy) =>
    onnx.nodeWithOutputs(
      "Split",
      [dy, onnx.integers(channels)],
      inputs.map(() => onnx.fresh("Split")),
      { axis: 1 },
    ),
  );
}

/** Average over blocks of `stride`; the gradient spreads each value evenly over its block. */
export function averagePool(tape: OnnxTape, x: OnnxValue, stride: readonly number[]): OnnxValue {
  const { onnx } = tape;
  const small = x.shape.slice(2).map((n, axis) => n / stride[axis]!);
  const shape = [x.shape[0]!, x.shape[1]!, ...small];
  const y = onnx.node("AveragePool", [x.name], { kernel_shape: stride, strides: stride });
  return tape.record(y, shape, [x], (dy) => {
    const share = onnx.node("Mul", [dy, onnx.scalar(1 / elementCount(stride))]);
    const apart = onnx.node("Reshape", [share, onnx.integers([shape[0]!, shape[1]!, ...small.flatMap((n) => [n, 1])])]);
    const spread = onnx.node("Expand", [
      apart,
      onnx.integers([shape[0]!, shape[1]!, ...small.flatMap((n, axis) => [n, stride[axis]!])]),
    ]);
    return [onnx.node("Reshape", [spread, onnx.integers(x.shape)])];
  });
}

/**
 * Transposed convolution with kernel = stride, as a matrix product and an interleaving (see unet-model). w is
 * [ci, co, ...stride].
 */
export function upConv(
  tape: OnnxTape,
  x: OnnxValue,
  w: OnnxValue,
  bias: OnnxValue | undefined,
  stride: readonly number[],
  matMul: MatrixProduct = (graph, a, b) => graph.node("MatMul", [a, b]),
): OnnxValue {
  const { onnx } = tape;
  const [n, ci] = x.shape as [number, number];
  const size = x.shape.slice(2);
  const voxels = elementCount(size);
  const co = w.shape[1]!;
  const taps = elementCount(stride);
  const flatWeight = onnx.node("Reshape", [w.name, onnx.integers([ci, co * taps])]);
  const rows = onnx.node("Transpose", [flatWeight], { perm: [1, 0] });
  const columns = onnx.node("Reshape", [x.name, onnx.integers([n, ci, voxels])]);
  let y = interleaveTaps(onnx, matMul(onnx, rows, columns, false), co, stride, size);
  const shape = [n, co, ...size.map((extent, axis) => extent * stride[axis]!)];
  if (bias) y = onnx.node("Add", [y, onnx.node("Reshape", [bias.name, onnx.integers(perChannel({ name: y, shape }))])]);
  return tape.record(y, shape, bias ? [x, w, bias] : [x, w], (dy) => {
    const separated = separateTaps(onnx, { batch: n, channels: co, size, stride }, dy);
    const byTap = onnx.node("Reshape", [separated, onnx.integers([n, co * taps, voxels])]);
    const dw = onnx.node(
      "ReduceSum",
      [matMul(onnx, columns, onnx.node("Transpose", [byTap], { perm: [0, 2, 1] }), true), onnx.integers([0])],
      { keepdims: 0 },
    );
    const weight = onceComputed(onnx, flatWeight, [ci, co * taps], dw);
    const dx = onnx.node("Reshape", [matMul(onnx, weight, byTap, false), onnx.integers(x.shape)]);
    const parts = [dx, onnx.node("Reshape", [dw, onnx.integers(w.shape)])];
    if (bias)
      parts.push(onnx.node("ReduceSum", [dy, onnx.integers([0, ...size.map((_, axis) => axis + 2)])], { keepdims: 0 }));
    return parts;
  });
}

/** The way back of `interleaveTaps`: [n, channels, …size·stride] → [n, channels·taps, …size]. */
function separateTaps(onnx: OnnxGraph, { batch, channels, size, stride }: WovenGrid, y: string): string {
  const fine = size.flatMap((n, axis) => [n, stride[axis]!]);
  const apart = onnx.node("Reshape", [y, onnx.integers([batch, channels, ...fine])]);
  const coarse = size.map((_, axis) => 2 + 2 * axis);
  const perm = [0, 1, ...coarse.map((axis) => axis + 1), ...coarse];
  const separated = onnx.node("Transpose", [apart], { perm });
  return onnx.node("Reshape", [separated, onnx.integers([batch, channels * elementCount(stride), ...size])]);
}
