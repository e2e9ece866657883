import { elementCount } from "@nnunet/core";
import { type BlockedTensor, type OnnxGraph, pitch, sumTable } from "@nnunet/unet-model";

/** A blocked tensor's values in the order [n, rows, x, c]: as they lie where there is one block, else run by run. */
export function blockedChannelsLast(onnx: OnnxGraph, block: number, { name, batch, channels, size }: BlockedTensor) {
  const blocks = channels / block;
  if (blocks === 1) return name;
  const voxels = size[0] * pitch(size) * size[2];
  const count = (n: number, step: number) => Array.from({ length: n }, (_, i) => i * step);
  const table = sumTable(onnx, [
    [count(batch, blocks * voxels), [batch, 1, 1]],
    [count(voxels, 1), [1, voxels, 1]],
    [count(blocks, voxels), [1, 1, blocks]],
  ]);
  return onnx.node("Gather", [onnx.node("Reshape", [name, onnx.integers([-1, block])]), table], { axis: 0 });
}

/**
 * dW [co, ci] of a convolution of one tap: for every sample and block one product over the voxels.
 *
 * @param rows - dy, not blocked, with zeros between its planes: [n, co, planes · rows, x]
 */
export function blockedPointwiseWeightGradient(
  onnx: OnnxGraph,
  block: number,
  { name, batch, channels, size }: BlockedTensor,
  rows: string,
  co: number,
): string {
  const blocks = channels / block;
  const voxels = elementCount([size[0], pitch(size), size[2]]);
  const columns = onnx.node("Reshape", [name, onnx.integers([batch, blocks, voxels, block])]);
  const product = onnx.node("MatMul", [onnx.node("Reshape", [rows, onnx.integers([batch, 1, co, voxels])]), columns]);
  const summed = onnx.node("ReduceSum", [product, onnx.integers([0])], { keepdims: 0 }); // [blocks, co, block]
  const ordered = onnx.node("Transpose", [summed], { perm: [1, 0, 2] });
  return onnx.node("Reshape", [ordered, onnx.integers([co, channels])]);
}
