import type { NetworkNode } from "../../network-graph.ts";
import type { Weights } from "../../weights.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import {
  type BlockedTensor,
  blockedWeights,
  chooseRows,
  cleaned,
  nchwc,
  pitch,
  sizeAfter,
  tapNumbers,
  volumeSize,
  wholeBlocks,
} from "./blocked-tensor.ts";

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

/**
 * A 3D convolution as 2D ones on the picture of all planes (see {@link BlockedTensor}): a tap (kd, kh, kw) is a shift by
 * kd planes and kh rows; for a fixed kh the taps kd form a kernel whose rows are one plane apart, a dilation. So there is
 * one 2D convolution per kh, each adding to the last.
 *
 * A stride of 2 along z and y is one of 2 along the rows of the picture: from a pair of planes come the rows that are
 * wanted, then as many that are not. One along y alone is computed in full and thinned out.
 *
 * @param x - the input as a blocked tensor, or, of fewer channels than a block, as a picture that is not blocked
 * @param bias - left out where a norm follows that subtracts it again
 * @returns rows between the planes hold anything
 */
export function blockedConvolution(
  onnx: OnnxGraph,
  block: number,
  node: Convolution,
  x: BlockedTensor,
  weights: Weights,
  bias: boolean,
): BlockedTensor {
  const { data } = weights.get(node.weight)!;
  const [kz, ky, kx] = volumeSize(node.kernel);
  const [sz, sy, sx] = volumeSize(node.stride);
  const { size } = x;
  const rows = pitch(size);
  const source = ky > 1 || kz > 1 ? cleaned(onnx, block, x) : x;
  const out = wholeBlocks(node.output.channels, block);
  const into = node.input.channels;
  const tap = tapNumbers(node.kernel);
  // Of a single plane only the middle of the kernel ever meets a voxel.
  const planes = size[0] === 1 ? [(kz - 1) / 2] : range(kz);
  const along = sz === 2 && sy === 2 && size[0] > 1 ? 2 : size[0] === 1 ? sy : 1;
  const common = { strides: [along, sx], group: 1 };
  const biases = bias && node.bias !== undefined ? [storedBias(onnx, weights, node.bias, out)] : [];
  const kernel = (name: string, taps: readonly number[], window: readonly number[]) =>
    onnx.weight(
      onnx.fresh(`${node.weight}.${name}`),
      blockedWeights(data, [node.output.channels, into, kz * ky * kx], taps, block),
      [out, into, ...window],
    );
  const px = (kx - 1) / 2;
  let sum: string | undefined;
  if (planes.length === 1) {
    const taps = range(ky).flatMap((y) => range(kx).map((xx) => tap(planes[0]!, y, xx)));
    const py = (ky - 1) / 2;
    sum = onnx.node(
      "Conv",
      [source.name, kernel("plane", taps, [ky, kx]), ...biases],
      { ...common, kernel_shape: [ky, kx], dilations: [1, 1], pads: [py, px, py, px] },
      undefined,
      nchwc,
    );
  } else {
    for (const y of range(ky)) {
      const taps = planes.flatMap((z) => range(kx).map((xx) => tap(z, y, xx)));
      const above = rows + (ky - 1) / 2 - y;
      const inputs = [source.name, kernel(`row${y}`, taps, [kz, kx])];
      sum = onnx.node(
        "Conv",
        sum === undefined ? [...inputs, ...biases] : [...inputs, "", sum],
        { ...common, kernel_shape: [kz, kx], dilations: [rows, 1], pads: [above, px, 2 * rows - above, px] },
        undefined,
        nchwc,
      );
    }
  }
  const after = sizeAfter(size, [sz, sy, sx]);
  const result = { channels: out, size: after, clean: false };
  if (size[0] === 1 || (sz === 1 && sy === 1)) return { ...result, name: sum! };
  // In pairs of planes that were gone through two rows at a time the wanted rows come first.
  const found: [number, number, number] = [along === 2 ? size[0] / 2 : size[0], rows, after[2]];
  const step: [number, number] = along === 2 ? [1, 1] : [sz, sy];
  return { ...result, name: chooseRows(onnx, block, sum!, out, found, { step, rows: pitch(after) }) };
}

function storedBias(onnx: OnnxGraph, weights: Weights, name: string, out: number): string {
  const padded = new Float32Array(out);
  padded.set(weights.get(name)!.data);
  return onnx.weight(onnx.fresh(name), padded, [out]);
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
