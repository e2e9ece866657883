import type { OnnxGraph } from "../onnx-graph.ts";
import { nchwc } from "./blocked-tensor.ts";

/** A blocked convolution of one tap. */
export function pointwiseProduct(onnx: OnnxGraph, x: string, kernel: string, bias?: string): string {
  const shape = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  return onnx.node("Conv", bias === undefined ? [x, kernel] : [x, kernel, bias], shape, undefined, nchwc);
}
