import { nchwc, type OnnxGraph } from "@nnunet/unet-model";
import type { ConvolutionShape } from "../convolution.ts";

/**
 * Whether windows (`windowWeightGradient`, `imageWindowGradient`) are the fastest way to a weight gradient: for kernels of three planes, which make three blocks of results
 * from each of dy. With blocks of 16 channels alone: it was not measured on a machine that has those of 8.
 */
export function suitsWindows({ size, kernel, stride }: ConvolutionShape, block: number): boolean {
  return block === 16 && size.length === 3 && size[0]! > 1 && kernel[0] === 3 && stride.every((s) => s === 1);
}

export interface WindowProducts {
  readonly groups: number;
  /** Of a window. */
  readonly rows: number;
  readonly width: number;
  readonly kernel: readonly [rows: number, columns: number];
  /** Values of a voxel of the picture. */
  readonly wide: number;
  /** Channels of the windows of a group. */
  readonly results: number;
  /** Rows of zeros that the pictures lack at either end. */
  readonly pads?: number;
}

/**
 * @param pictures - [groups, rows + kh − 1, width + kw − 1, wide]
 * @param windows - [groups, results / b, rows, width, b]
 * @returns [results / b, kh, kw, wide, b], over all groups
 */
export function summedProducts(
  onnx: OnnxGraph,
  { groups, rows, width, kernel: [kh, kw], wide, results, pads = 0 }: WindowProducts,
  pictures: string,
  windows: string,
): string {
  const picture = [1, groups, rows + kh - 1 - 2 * pads, (width + kw - 1) * wide];
  const shape = { kernel_shape: [rows, width], dilations: [1, wide], strides: [1, 1], pads: [pads, 0, pads, 0] };
  const product = onnx.node(
    "Conv",
    [
      onnx.node("Reshape", [pictures, onnx.integers(picture)]),
      onnx.node("Reshape", [windows, onnx.integers([groups * results, 1, rows, width])]),
    ],
    { ...shape, group: groups },
    undefined,
    nchwc,
  );
  const apart = onnx.node("Reshape", [product, onnx.integers([groups, results * kh * kw * wide])]);
  return onnx.node("MatMul", [onnx.floats(new Array<number>(groups).fill(1), [1, groups]), apart]);
}

/**
 * Runs of b output channels as a kernel [co, ci, kd, kh, kw]: they are gathered in its order, and no longer blocked then.
 * A transposition would move single values, on one thread.
 *
 * @param place - of a run: which block of output channels, input channel, plane and tap in it
 */
export function kernelOf(
  onnx: OnnxGraph,
  block: number,
  shape: readonly [co: number, ci: number, kd: number, kh: number, kw: number],
  runs: string,
  place: (c: number, channel: number, z: number, tap: number) => number,
): string {
  const [co, ci, kd, kh, kw] = shape;
  const taps = kh * kw;
  const order: number[] = [];
  for (let c = 0; c < co / block; c++) {
    for (let channel = 0; channel < ci; channel++) {
      for (let z = 0; z < kd; z++) for (let tap = 0; tap < taps; tap++) order.push(place(c, channel, z, tap));
    }
  }
  const apart = onnx.node("Reshape", [runs, onnx.integers([order.length, block])]);
  const ordered = onnx.node("Gather", [apart, onnx.int32s(order, [order.length])], { axis: 0 });
  const blocked = onnx.node("Reshape", [ordered, onnx.integers([1, co, 1, ci * kd * taps])]);
  const plain = onnx.node("ReorderOutput", [blocked], { channels: co }, undefined, nchwc);
  return onnx.node("Reshape", [plain, onnx.integers(shape)]);
}
