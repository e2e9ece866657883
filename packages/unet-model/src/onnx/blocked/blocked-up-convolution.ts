import { elementCount } from "@nnunet/core";
import type { NetworkNode } from "../../network-graph.ts";
import type { Weights } from "../../weights.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import { addRows, type BlockedTensor, blockedWeights, chooseRows, nchwc, pitch, volumeSize } from "./blocked-tensor.ts";

/**
 * A transposed convolution with kernel = stride: a convolution of one tap that makes the channels of every tap, which are
 * then interleaved into space, a block of channels at a time.
 */
export function blockedUpConvolution(
  onnx: OnnxGraph,
  block: number,
  node: Extract<NetworkNode, { kind: "upConv" }>,
  x: BlockedTensor,
  weights: Weights,
): BlockedTensor {
  const [z, y, w] = x.size;
  const [sz, sy, sx] = volumeSize(node.stride);
  const taps = elementCount(node.stride);
  const into = node.input.channels;
  const out = node.output.channels;
  const rows = pitch(x.size);
  const close = rows === y ? x.name : chooseRows(onnx, block, x.name, into, [z, rows, w], { step: [1, 1], rows: y });
  // [in, out, tap] → [tap · out, in]
  const stored = weights.get(node.weight)!.data;
  const byTap = new Float32Array(stored.length);
  for (let i = 0; i < into; i++) {
    for (let o = 0; o < out; o++) {
      for (let t = 0; t < taps; t++) byTap[(t * out + o) * into + i] = stored[(i * out + o) * taps + t]!;
    }
  }
  const laid = blockedWeights(byTap, [taps * out, into, 1], [0], block);
  const kernel = onnx.weight(onnx.fresh(node.weight), laid, [taps * out, into, 1, 1]);
  const bias = node.bias === undefined ? [] : [repeatedBias(onnx, weights, node.bias, taps)];
  const shape = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  const product = onnx.node("Conv", [close, kernel, ...bias], shape, undefined, nchwc);
  const apart = onnx.node("Reshape", [product, onnx.integers([sz, sy, sx, out / block, z, y, w, block])]);
  const woven = onnx.node("Transpose", [apart], { perm: [3, 4, 0, 5, 1, 6, 2, 7] });
  const size = [z * sz, y * sy, w * sx] as const;
  const spread =
    pitch(size) === size[1] ? woven : addRows(onnx, woven, out / block, [size[0], size[1], size[2] * block]);
  const name = onnx.node("Reshape", [spread, onnx.integers([1, out, size[0] * pitch(size), size[2]])]);
  return { name, channels: out, size, clean: true };
}

function repeatedBias(onnx: OnnxGraph, weights: Weights, name: string, taps: number): string {
  const { data } = weights.get(name)!;
  const repeated = new Float32Array(taps * data.length);
  for (let t = 0; t < taps; t++) repeated.set(data, t * data.length);
  return onnx.weight(onnx.fresh(name), repeated, [repeated.length]);
}
