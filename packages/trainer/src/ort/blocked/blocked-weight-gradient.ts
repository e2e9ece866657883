import { elementCount } from "@nnunet/core";
import { type BlockedTensor, type OnnxGraph, pitch, sumTable } from "@nnunet/unet-model";

/** A blocked tensor's values in the order [n, rows, x, c]: as they lie where there is one block, else run by run. */
export function blockedChannelsLast(onnx: OnnxGraph, block: number, { name, batch, channels, size }: BlockedTensor) {
  const blocks = channels / block;
  if (blocks === 1) return name;
  const voxels = size[0] * pitch(size) * size[2];
  const table = sumTable(onnx, [
    [count(batch, blocks * voxels), [batch, 1, 1]],
    [count(voxels, 1), [1, voxels, 1]],
    [count(blocks, voxels), [1, 1, blocks]],
  ]);
  return onnx.node("Gather", [onnx.node("Reshape", [name, onnx.integers([-1, block])]), table], { axis: 0 });
}

/**
 * The same with the planes that meet a plane of dy as further channels: [n, d, rows, x, kd, c], d that of dy. Zeros for
 * those outside.
 *
 * @param x - of several planes, with zeros between them
 */
export function blockedDepthTaps(
  onnx: OnnxGraph,
  block: number,
  { name, batch, channels, size }: BlockedTensor,
  kd: number,
  stride: number,
): string {
  const [planes, height, width] = size;
  const [blocks, plane, d] = [channels / block, pitch(size) * width, planes / stride];
  const met = Array.from({ length: d * kd }, (_, i) => Math.floor(i / kd) * stride + (i % kd) - (kd - 1) / 2);
  const isInside = met.map((z) => z >= 0 && z < planes);
  const byTap = (values: readonly number[]) => onnx.int32s(values, [1, d, 1, kd, 1]);
  const places = [
    onnx.int32s(count(batch, blocks * planes * plane), [batch, 1, 1, 1, 1]),
    byTap(met.map((z) => z * plane)),
    onnx.int32s(count(plane, 1), [1, 1, plane, 1, 1]),
    onnx.int32s(count(blocks, planes * plane), [1, 1, 1, 1, blocks]),
  ].reduce((a, b) => onnx.node("Add", [a, b]));
  const inside = onnx.node("Mul", [places, byTap(isInside.map(Number))]);
  const zero = height * width; // a voxel between the first plane and the second
  const table = onnx.node("Add", [inside, byTap(isInside.map((is) => (is ? 0 : zero)))]);
  const runs = onnx.node("Reshape", [name, onnx.integers([-1, block])]);
  return onnx.node("Gather", [runs, onnx.node("Reshape", [table, onnx.integers([-1])])], { axis: 0 });
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

/** n numbers from 0 on. */
const count = (n: number, step: number) => Array.from({ length: n }, (_, i) => i * step);
