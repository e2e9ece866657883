import type { NetworkNode } from "../../network-graph.ts";
import { type Activation, deviationOf, leakyActivation } from "../blocked/blocked-norm.ts";
import { nchwc } from "../blocked/blocked-tensor.ts";
import { rowProducts } from "../blocked/row-products.ts";
import type { OnnxAttribute, OnnxGraph } from "../onnx-graph.ts";
import type { PlaneStack, Stacks } from "./plane-stack.ts";

/** Voxels of which another pass costs nothing. */
const FEW = 1000;

/**
 * Instance norm, and the leaky ReLU behind it.
 *
 * @param scale - name of [channel]
 * @param slope - of the leaky ReLU; none if left out
 * @param ofImage - x is a convolution of the image
 */
export function stackedInstanceNorm(
  onnx: OnnxGraph,
  { scale, bias, epsilon }: Extract<NetworkNode, { kind: "instanceNorm" }>,
  x: Stacks,
  slope: number | undefined,
  ofImage: boolean,
): Stacks {
  const mean = channelMeans(onnx, x);
  const isCentred = ofImage || voxels(x) < FEW;
  const deviation = deviationOf(onnx, mean, epsilon, isCentred, (shift) => {
    const values = shift === undefined ? x : each(x, (stack) => scaled(onnx, stack, ones(), shift, {}));
    return channelMeans(onnx, values, squaresOfRows);
  });
  const factor = onnx.node("Div", [scale, deviation]);
  const shift = onnx.node("Sub", [bias, onnx.node("Mul", [mean, factor])]);
  return each(x, (stack) => scaled(onnx, stack, factor, shift, slope === undefined ? {} : leakyActivation(slope)));

  function ones(): string {
    return onnx.floats(new Array<number>(x[0].channels).fill(1), [x[0].channels]);
  }
}

/** The same of both stacks, or of the only one. */
export function each(stacks: Stacks, change: (stack: PlaneStack) => PlaneStack): Stacks {
  return stacks.map(change) as unknown as Stacks;
}

function voxels(stacks: Stacks): number {
  return stacks.reduce((sum, { planes, size: [y, x] }) => sum + planes * y * x, 0);
}

/** activation(x · factor + shift), factor and shift [channel], in one pass: a convolution of one tap. */
function scaled(
  onnx: OnnxGraph,
  x: PlaneStack,
  factor: string,
  shift: string,
  activation: Activation | Record<string, never>,
): PlaneStack {
  const { channels } = x;
  const weights = onnx.node("Reshape", [factor, onnx.integers([channels, 1, 1, 1])]);
  const one: Record<string, OnnxAttribute> = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1] };
  const attributes = { ...one, pads: [0, 0, 0, 0], group: channels, ...activation };
  return { ...x, name: onnx.node("Conv", [x.name, weights, shift], attributes, undefined, nchwc) };
}

/**
 * [channel], over each row, then over rows, then over planes: so that rounding stays that of short sums.
 *
 * @param ofRows - of one stack its means over rows, [plane, channel, y, 1]
 */
function channelMeans(onnx: OnnxGraph, stacks: Stacks, ofRows = meansOfRows): string {
  const { planes, channels } = stacks[0];
  const share = 1 / (planes * stacks.length);
  const means = stacks.map((stack) => {
    const column = averaged(onnx, ofRows(onnx, stack), [stack.size[0], 1]);
    const ofPlanes = onnx.node("Reshape", [column, onnx.integers([planes, channels])]);
    const weights = onnx.floats(new Array<number>(planes).fill(share), [1, planes]);
    return onnx.node("MatMul", [weights, ofPlanes]);
  });
  const mean = means.length === 1 ? means[0]! : onnx.node("Add", means);
  return onnx.node("Reshape", [mean, onnx.integers([channels])]);
}

function meansOfRows(onnx: OnnxGraph, { name, size: [, x] }: PlaneStack): string {
  return averaged(onnx, name, [1, x]);
}

function squaresOfRows(onnx: OnnxGraph, { name, planes, channels, size: [y, x] }: PlaneStack): string {
  const sums = rowProducts(onnx, name, name, planes * channels * y, x);
  const apart = onnx.node("Reshape", [sums, onnx.integers([planes, channels, y, 1])]);
  return onnx.node("Mul", [apart, onnx.scalar(1 / x)]);
}

function averaged(onnx: OnnxGraph, x: string, kernel: readonly number[]): string {
  const window = { kernel_shape: kernel, strides: kernel, dilations: [1, 1], pads: [0, 0, 0, 0] };
  return onnx.node("AveragePool", [x], { ...window, count_include_pad: 0 }, undefined, nchwc);
}
