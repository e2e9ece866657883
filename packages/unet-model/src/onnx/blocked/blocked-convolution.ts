import type { NetworkNode } from "../../network-graph.ts";
import type { Weights } from "../../weights.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import {
  type BlockedTensor,
  blockedWeights,
  cleaned,
  type PlaneSize,
  tapNumbers,
  volumeSize,
  wholeBlocks,
} from "./blocked-tensor.ts";
import {
  type ConvolvedPlanes,
  convolvePlanes,
  kernelShape,
  kernelsOf,
  type PlaneWindow,
  wantedRows,
} from "./convolve-planes.ts";

type Convolution = Extract<NetworkNode, { kind: "conv" }>;

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

/** How the kernel of a convolution lies on the planes of its input. */
export function windowOf(kernel: readonly number[], stride: readonly number[]): PlaneWindow {
  const window = volumeSize(kernel);
  return { window, before: window.map((k) => (k - 1) / 2) as unknown as PlaneSize, stride: volumeSize(stride) };
}

/**
 * A convolution of the network with the weights that are stored with it (see {@link convolvePlanes}).
 *
 * @param parts - the input as blocked tensors, whose channels follow each other, so that they need not be copied together;
 *   of fewer channels than a block, one picture that is not blocked
 * @param bias - left out where a norm follows that subtracts it again
 * @returns rows between the planes hold anything
 */
export function blockedConvolution(
  onnx: OnnxGraph,
  block: number,
  node: Convolution,
  parts: readonly BlockedTensor[],
  weights: Weights,
  bias: boolean,
): BlockedTensor {
  const { data } = weights.get(node.weight)!;
  const lies = windowOf(node.kernel, node.stride);
  const [kz, ky, kx] = lies.window;
  const { batch, size } = parts[0]!;
  const out = wholeBlocks(node.output.channels, block);
  const tap = tapNumbers(node.kernel);
  const taps = kernelsOf(lies, size).map((window) => window.map((at) => tap(...at)));
  const made = { batch, channels: out };
  const onto = bias && node.bias !== undefined ? { bias: storedBias(onnx, weights, node.bias, out) } : {};
  let sum: ConvolvedPlanes | undefined;
  let first = 0;
  for (const part of parts) {
    const into = Math.min(part.channels, node.input.channels);
    const own = inputChannels(data, [node.output.channels, node.input.channels, kz * ky * kx], first, into);
    const kernels = taps.map((chosen) => {
      const laid = blockedWeights(own, [node.output.channels, into, kz * ky * kx], chosen, block);
      return onnx.weight(onnx.fresh(node.weight), laid, [out, into, ...kernelShape(lies, size)]);
    });
    const source = ky > 1 || kz > 1 ? cleaned(onnx, block, part) : part;
    sum = convolvePlanes(onnx, source, lies, kernels, sum ? { sum: sum.name } : onto);
    first += into;
  }
  return { ...made, ...wantedRows(onnx, block, sum!, lies, made), clean: false };
}

/** Weights [out, in, tap] of some input channels. */
function inputChannels(
  weights: Float32Array,
  [out, into, taps]: readonly [out: number, into: number, taps: number],
  first: number,
  count: number,
): Float32Array {
  if (count === into) return weights;
  const own = new Float32Array(out * count * taps);
  for (let o = 0; o < out; o++) {
    const from = (o * into + first) * taps;
    own.set(weights.subarray(from, from + count * taps), o * count * taps);
  }
  return own;
}

function storedBias(onnx: OnnxGraph, weights: Weights, name: string, out: number): string {
  const padded = new Float32Array(out);
  padded.set(weights.get(name)!.data);
  return onnx.weight(onnx.fresh(name), padded, [out]);
}
