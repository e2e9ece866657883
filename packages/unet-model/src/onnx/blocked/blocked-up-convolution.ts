import { elementCount } from "@nnunet/core";
import type { NetworkNode } from "../../network-graph.ts";
import type { Weights } from "../../weights.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import { type BlockedTensor, blockedWeights, nchwc, pitch } from "./blocked-tensor.ts";
import { wovenBlocks } from "./weave-blocks.ts";

/**
 * A transposed convolution with kernel = stride: a convolution of one tap that makes the channels of every tap, which are
 * then interleaved into space, a block of channels at a time.
 *
 * @returns rows between the planes hold zeros if they do in x and there is no bias, else anything
 */
export function blockedUpConvolution(
  onnx: OnnxGraph,
  block: number,
  node: Extract<NetworkNode, { kind: "upConv" }>,
  x: BlockedTensor,
  weights: Weights,
): BlockedTensor {
  const taps = elementCount(node.stride);
  const into = node.input.channels;
  const out = node.output.channels;
  // [in, out, tap] → [out / block, tap, out of block] × in
  const stored = weights.get(node.weight)!.data;
  const byTap = new Float32Array(stored.length);
  for (let i = 0; i < into; i++) {
    for (let o = 0; o < out; o++) {
      for (let t = 0; t < taps; t++) {
        byTap[wovenChannel(o, t, taps, block) * into + i] = stored[(i * out + o) * taps + t]!;
      }
    }
  }
  const laid = blockedWeights(byTap, [taps * out, into, 1], [0], block);
  const kernel = onnx.weight(onnx.fresh(node.weight), laid, [taps * out, into, 1, 1]);
  const bias = node.bias === undefined ? undefined : repeatedBias(onnx, weights, node.bias, taps, block);
  const product = pointwiseProduct(onnx, x.name, kernel, bias);
  const grid = { batch: x.batch, channels: out, size: node.input.spatial, stride: node.stride };
  const clean = x.clean && bias === undefined;
  return wovenBlocks(onnx, block, grid, { rows: pitch(x.size), shift: 0, clean }, product);
}

/** A blocked convolution of one tap. */
export function pointwiseProduct(onnx: OnnxGraph, x: string, kernel: string, bias?: string): string {
  const shape = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  return onnx.node("Conv", bias === undefined ? [x, kernel] : [x, kernel, bias], shape, undefined, nchwc);
}

const wovenChannel = (channel: number, tap: number, taps: number, block: number) =>
  (Math.floor(channel / block) * taps + tap) * block + (channel % block);

function repeatedBias(onnx: OnnxGraph, weights: Weights, name: string, taps: number, block: number): string {
  const { data } = weights.get(name)!;
  const repeated = new Float32Array(taps * data.length);
  for (const [channel, value] of data.entries()) {
    for (let t = 0; t < taps; t++) repeated[wovenChannel(channel, t, taps, block)] = value;
  }
  return onnx.weight(onnx.fresh(name), repeated, [repeated.length]);
}
