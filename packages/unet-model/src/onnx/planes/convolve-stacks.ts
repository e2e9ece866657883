import type { Weights } from "../../weights.ts";
import { volumeSize } from "../blocked/blocked-tensor.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import { nextPlanes, previousPlanes } from "./between-planes.ts";
import { halved, type PlaneStack, type Stacks } from "./plane-stack.ts";
import { winogradConvolution } from "./winograd-convolution.ts";
import { type Convolution, WithinPlanes } from "./within-planes.ts";

const [before, middle, after] = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
] as const;

/** Whether a convolution can be written by blocked operators: kernels of 1 and 3, strides of 1 and 2. */
export function isBlockable({ input, output, kernel, stride }: Convolution, block: number): boolean {
  return (
    (input.channels % block === 0 || input.channels < block) &&
    (output.channels % block === 0 || kernel.every((k) => k === 1)) &&
    kernel.every((k) => k === 1 || k === 3) &&
    stride.every((s) => s === 1 || s === 2) &&
    input.spatial.every((n, axis) => n % stride[axis]! === 0)
  );
}

/**
 * A 3D convolution as convolutions within planes.
 *
 * @param parts - the input as features whose channels follow each other, so that they need not be copied together
 * @param bias - left out where a norm follows that subtracts it again
 */
export function convolveStacks(
  onnx: OnnxGraph,
  block: number,
  node: Convolution,
  parts: readonly Stacks[],
  weights: Weights,
  bias: boolean,
): Stacks {
  const within = new WithinPlanes(onnx, block, node, weights, bias);
  const [kz] = volumeSize(node.kernel);
  const [sz] = volumeSize(node.stride);
  const [depth] = volumeSize(node.input.spatial);
  if (kz === 1 || depth === 1) return planeByPlane(within, parts, kz === 1 ? [1] : middle, sz);
  if (sz === 2) return [everyOther(within, parts)];
  if (depth % 2 === 0) {
    const halves = parts.map((part) => halved(onnx, part));
    return winogradConvolution(within, halves);
  }
  return [
    neighbours(
      within,
      parts.map(([all]) => all),
    ),
  ];
}

/** Only one z of the kernel ever meets a plane. */
function planeByPlane(within: WithinPlanes, parts: readonly Stacks[], of: readonly number[], sz: number): Stacks {
  const { onnx, bias } = within;
  const convolve = (stacks: readonly PlaneStack[]) => within.convolve(stacks, of, { bias });
  if (sz === 1 && parts.every((part) => part.length === 1)) return [convolve(parts.map(([all]) => all))];
  const halves = parts.map((part) => halved(onnx, part));
  const even = convolve(halves.map(([even]) => even));
  return sz === 2 ? [even] : [even, convolve(halves.map(([, odd]) => odd))];
}

/** Kernels that meet the planes 2z − 1, 2z, 2z + 1. */
function everyOther(within: WithinPlanes, parts: readonly Stacks[]): PlaneStack {
  const { onnx, block, bias } = within;
  const halves = parts.map((part) => halved(onnx, part));
  const [even, odd] = [halves.map(([even]) => even), halves.map(([, odd]) => odd)];
  // the results are shifted by a plane, which are fewer than what they are made of
  const shifted = within.convolve(odd, before);
  const sum = within.convolve(odd, after, { sum: within.convolve(even, middle, { bias }) });
  return previousPlanes(onnx, block, shifted, sum.name);
}

/** Kernels that meet the planes z − 1, z, z + 1, of any number of planes. */
function neighbours(within: WithinPlanes, parts: readonly PlaneStack[]): PlaneStack {
  const { onnx, block, bias } = within;
  // made first, so that each is computed just before its own convolution (see `winogradConvolution`)
  const previous = parts.map((part) => previousPlanes(onnx, block, part));
  const next = parts.map((part) => nextPlanes(onnx, block, part));
  const sum = within.convolve(previous, before, { sum: within.convolve(parts, middle, { bias }) });
  return within.convolve(next, after, { sum });
}
