import type { NetworkNode } from "../../network-graph.ts";
import type { Weights } from "../../weights.ts";
import { blockedWeights, volumeSize } from "../blocked/blocked-tensor.ts";
import { pointwiseProduct } from "../blocked/pointwise-product.ts";
import { wovenBlocks } from "../blocked/weave-blocks.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import { type PlaneStack, type Stacks, together } from "./plane-stack.ts";
import { each } from "./stack-norm.ts";

/**
 * A transposed convolution with kernel = stride: a convolution of one tap that makes the channels of every tap of a plane,
 * which are then interleaved into the plane, a block of channels at a time. A stride of 2 along z makes of each plane an
 * even one and an odd one.
 */
export function stackedUpConvolution(
  onnx: OnnxGraph,
  block: number,
  node: Extract<NetworkNode, { kind: "upConv" }>,
  x: Stacks,
  weights: Weights,
): Stacks {
  const [sz, sy, sx] = volumeSize(node.stride);
  const taps = sy * sx;
  const into = node.input.channels;
  const out = node.output.channels;
  const bias = node.bias === undefined ? undefined : repeatedBias(node.bias);
  if (sz === 1) {
    const kernel = kernelOf(0);
    return each(x, (stack) => woven(stack, kernel));
  }
  const all = together(onnx, x);
  return [woven(all, kernelOf(0)), woven(all, kernelOf(1))];

  function woven(stack: PlaneStack, kernel: string): PlaneStack {
    const product = pointwiseProduct(onnx, stack.name, kernel, bias);
    const grid = { batch: stack.planes, channels: out, size: stack.size, stride: [sy, sx] };
    const { name, size } = wovenBlocks(onnx, block, grid, { rows: stack.size[0], shift: 0 }, product);
    return { name, planes: stack.planes, channels: out, size: [size[1], size[2]] };
  }

  /** [in, out, z, tap] → [out / block, tap, out of block] × in, for one z. */
  function kernelOf(z: number): string {
    const { data } = weights.get(node.weight)!;
    const byTap = new Float32Array(into * out * taps);
    for (let i = 0; i < into; i++) {
      for (let o = 0; o < out; o++) {
        const from = ((i * out + o) * sz + z) * taps;
        for (let t = 0; t < taps; t++) byTap[wovenChannel(o, t) * into + i] = data[from + t]!;
      }
    }
    const laid = blockedWeights(byTap, [taps * out, into, 1], [0], block);
    return onnx.weight(onnx.fresh(node.weight), laid, [taps * out, into, 1, 1]);
  }

  function repeatedBias(name: string): string {
    const { data } = weights.get(name)!;
    const repeated = new Float32Array(taps * data.length);
    for (const [channel, value] of data.entries()) {
      for (let t = 0; t < taps; t++) repeated[wovenChannel(channel, t)] = value;
    }
    return onnx.weight(onnx.fresh(name), repeated, [repeated.length]);
  }

  function wovenChannel(channel: number, tap: number): number {
    return (Math.floor(channel / block) * taps + tap) * block + (channel % block);
  }
}
