import type { Weights } from "../../weights.ts";
import { volumeSize } from "../blocked/blocked-tensor.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import { type PlaneStack, planesOf, type Stacks } from "./plane-stack.ts";
import { type Convolution, WithinPlanes } from "./within-planes.ts";

/**
 * A convolution of fewer channels than a block, which are read as they lie: for each plane of the result the planes that it
 * meets are the channels of one convolution within planes.
 *
 * @param image - plain, [1, channel, (z,) y, x]
 * @returns even planes and odd ones where there are as many of each and the kernel reaches beyond a plane
 */
export function convolveImage(
  onnx: OnnxGraph,
  block: number,
  node: Convolution,
  image: string,
  weights: Weights,
  bias: boolean,
): Stacks {
  const within = new WithinPlanes(onnx, block, node, weights, bias);
  const { channels } = node.input;
  const [kz] = volumeSize(node.kernel);
  const [sz] = volumeSize(node.stride);
  const [depth, y, x] = volumeSize(node.input.spatial);
  const taps = depth === 1 ? [(kz - 1) / 2] : Array.from({ length: kz }, (_, z) => z);
  const reach = depth === 1 ? 0 : (kz - 1) / 2;
  const padded = reach > 0 ? withZeros() : image;
  // as many taps at once as make fewer channels than a block
  const atOnce = Math.min(taps.length, Math.floor((block - 1) / channels));
  const groups = Array.from({ length: Math.ceil(taps.length / atOnce) }, (_, i) =>
    taps.slice(i * atOnce, (i + 1) * atOnce),
  );
  const kernels = groups.map((group) => within.store(byTap(group), channels * group.length));
  const planes = depth / sz;
  if (reach === 0 || planes % 2 === 1) return [stack(0, 1, planes)];
  return [stack(0, 2, planes / 2), stack(1, 2, planes / 2)];

  /** Every `step`th plane of the result. */
  function stack(first: number, step: number, count: number): PlaneStack {
    let sum: PlaneStack | undefined;
    for (const [i, group] of groups.entries()) {
      const places = Array.from({ length: count }, (_, n) =>
        group.flatMap((z) => {
          const met = (first + n * step) * sz + (reach > 0 ? z : 0);
          return Array.from({ length: channels }, (_, c) => c * (depth + 2 * reach) + met);
        }),
      );
      const name = planesOf(onnx, padded, [channels, depth + 2 * reach, y, x], places);
      const read = { name, planes: count, channels: places[0]!.length, size: [y, x] as const };
      sum = within.convolveWith(read, kernels[i]!, { sum, bias: sum ? undefined : within.bias });
    }
    return sum!;
  }

  function withZeros(): string {
    const apart = onnx.node("Reshape", [image, onnx.integers([channels, depth, y, x])]);
    return onnx.node("Pad", [apart, onnx.integers([0, reach, 0, 0, 0, reach, 0, 0])]);
  }

  /** Weights [out, z · in, y · x] of some z. */
  function byTap(group: readonly number[]): Float32Array {
    const { data } = weights.get(node.weight)!;
    const [, ky, kx] = volumeSize(node.kernel);
    const inPlane = ky * kx;
    const laid = new Float32Array(node.output.channels * channels * group.length * inPlane);
    let at = 0;
    for (let o = 0; o < node.output.channels; o++) {
      for (const z of group) {
        for (let c = 0; c < channels; c++, at += inPlane) {
          const from = ((o * channels + c) * kz + z) * inPlane;
          laid.set(data.subarray(from, from + inPlane), at);
        }
      }
    }
    return laid;
  }
}
