import type { OnnxGraph } from "../onnx-graph.ts";
import { nchwc } from "./blocked-tensor.ts";

/**
 * Σ a · b over each row of each channel: every row of a is convolved with that row of b as its kernel, which is one pass
 * that writes nothing, where a product of its own would be written and read again. In memory a blocked feature and a kernel
 * for each of its rows are the same.
 *
 * @param a - blocked, [sample, channel, rows, x], like b, which may be the same
 * @param rows - samples · channels · rows
 * @returns [1, rows, 1, 1]
 */
export function rowProducts(onnx: OnnxGraph, a: string, b: string, rows: number, x: number): string {
  const picture = onnx.node("Reshape", [a, onnx.integers([1, rows, 1, x])]);
  const kernels = onnx.node("Reshape", [b, onnx.integers([rows, 1, 1, x])]);
  const whole = { kernel_shape: [1, x], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: rows };
  return onnx.node("Conv", [picture, kernels], whole, undefined, nchwc);
}
