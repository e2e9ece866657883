import { elementCount } from "@nnunet/core";
import type { OnnxGraph } from "@nnunet/unet-model";
import { type ConvolutionShape, outputSize } from "./convolution.ts";
import { unravel } from "./input-gradient.ts";

/**
 * dW for CUDA: many matrix products at once, one for every plane of dy, summed afterwards. One product over all voxels of a
 * batch is as narrow as there are channels and occupies a few of the card's multiprocessors only.
 *
 * What a tap sees is cut out of the padded x, once for every tap within a plane: along the first axis dy is shifted instead,
 * and its shifts are further channels of one product. With a stride along that axis x is cut for all taps.
 *
 * @param x - [n, ci, ...size]
 * @param dy - [n, co, ...size / stride]
 * @returns [co, ci, ...kernel]
 */
export function groupedWeightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  const { batch, inChannels: ci, outChannels: co, kernel, stride } = shape;
  const out = outputSize(shape);
  const shifts = stride[0] === 1 ? kernel[0]! : 1;
  const cut = kernel.map((k, axis) => (axis === 0 && shifts > 1 ? 1 : k));
  const rows = shifts * co;
  const inPlane = elementCount(out.slice(1));
  const apart = writesLess({ inPlane, rows, ci });
  const groups = apart ? batch * out[0]! : 1;
  const voxels = (batch * out[0]! * inPlane) / groups;

  const gradients = onnx.node("Reshape", [
    planesFirst(onnx, shiftedPlanes(onnx, shape, dy, shifts), kernel.length, apart),
    onnx.integers([groups, rows, voxels]),
  ]);
  const pads = cut.map((k) => (k - 1) / 2);
  const padded = surrounded(onnx, x, [batch, ci, ...shape.size], pads);
  const image = planesFirst(onnx, padded, kernel.length, apart);
  const axes = onnx.integers(kernel.map((_, axis) => (axis === 0 ? 1 : axis + 2)));
  const steps = onnx.integers(stride);
  const products = Array.from({ length: elementCount(cut) }, (_, tap) => {
    const start = unravel(tap, cut);
    const end = start.map((from, axis) => from + stride[axis]! * (out[axis]! - 1) + 1);
    const seen = onnx.node("Slice", [image, onnx.integers(start), onnx.integers(end), axes, steps]);
    const columns = onnx.node("Transpose", [onnx.node("Reshape", [seen, onnx.integers([groups, ci, voxels])])], {
      perm: [0, 2, 1],
    });
    const product = onnx.node("MatMul", [gradients, columns]); // [groups, rows, ci]
    const summed = groups === 1 ? product : onnx.node("ReduceSum", [product, onnx.integers([0])], { keepdims: 0 });
    return onnx.node("Reshape", [summed, onnx.integers([1, shifts, co, ci])]);
  });
  const joined = products.length === 1 ? products[0]! : onnx.node("Concat", products, { axis: 0 });
  const ordered = onnx.node("Transpose", [joined], { perm: [2, 3, 1, 0] }); // [co, ci, shifts, taps]
  return onnx.node("Reshape", [ordered, onnx.integers([co, ci, ...kernel])]);
}

/** Whether products of single planes, [rows, ci] each, are few values beside what the products read. */
function writesLess({ inPlane, rows, ci }: { inPlane: number; rows: number; ci: number }): boolean {
  return 4 * rows * ci <= inPlane * (rows + ci);
}

/**
 * dy [n, co, d, …] → [n, shifts · co, d, …]: the plane of dy that plane z of x meets through tap k is z − k + (shifts − 1) / 2.
 */
function shiftedPlanes(onnx: OnnxGraph, shape: ConvolutionShape, dy: string, shifts: number): string {
  if (shifts === 1) return dy;
  const depth = outputSize(shape)[0]!;
  const pads = [(shifts - 1) / 2, ...shape.kernel.slice(1).map(() => 0)];
  const padded = surrounded(onnx, dy, [shape.batch, shape.outChannels, ...outputSize(shape)], pads);
  const planes = Array.from({ length: shifts }, (_, tap) => {
    const start = shifts - 1 - tap;
    return onnx.node("Slice", [padded, onnx.integers([start]), onnx.integers([start + depth]), onnx.integers([2])]);
  });
  return onnx.node("Concat", planes, { axis: 1 });
}

/**
 * x [n, c, …] with zeros around it, as many as `pads` tells for each axis of space on either side. Padded are the last two axes
 * of three, twice if need be: for these alone onnxruntime's CUDA provider (1.30) has a kernel that is not ten times slower
 * than copying.
 */
function surrounded(onnx: OnnxGraph, x: string, shape: readonly number[], pads: readonly number[]): string {
  const [n, c, ...size] = shape as [number, number, ...number[]];
  const padded = size.map((extent, axis) => extent + 2 * pads[axis]!);
  const pad = (image: string, rows: readonly number[], by: readonly number[]) =>
    by.every((p) => p === 0)
      ? image
      : onnx.node("Pad", [onnx.node("Reshape", [image, onnx.integers(rows)]), onnx.integers([0, ...by, 0, ...by])]);
  const inPlane = size.length - 2;
  let image = x;
  if (size.length > 2) image = pad(image, [n * c, size[0]!, size[1]! * size[2]!], [pads[0]!, 0]);
  const planes = n * c * (size.length > 2 ? padded[0]! : 1);
  image = pad(image, [planes, ...size.slice(inPlane)], pads.slice(inPlane));
  return onnx.node("Reshape", [image, onnx.integers([n, c, ...padded])]);
}

/** [n, c, d, …] → [n, d, c, …] for products of single planes, [c, d, n, …] for one of all. */
function planesFirst(onnx: OnnxGraph, x: string, axes: number, apart: boolean): string {
  const inPlane = Array.from({ length: axes - 1 }, (_, axis) => axis + 3);
  return onnx.node("Transpose", [x], { perm: apart ? [0, 2, 1, ...inPlane] : [1, 2, 0, ...inPlane] });
}
