import type { NetworkNode } from "../../network-graph.ts";
import type { OnnxAttribute, OnnxGraph } from "../onnx-graph.ts";
import { type BlockedTensor, nchwc, pictureShape, pitch } from "./blocked-tensor.ts";

/**
 * Instance norm, and the leaky ReLU behind it, for one sample.
 *
 * @param scale - name of [channel]
 * @param slope - of the leaky ReLU; none if left out
 * @param ofImage - x is a convolution of the image
 * @returns rows between the planes hold anything
 */
export function blockedInstanceNorm(
  onnx: OnnxGraph,
  block: number,
  { scale, bias, epsilon }: Extract<NetworkNode, { kind: "instanceNorm" }>,
  x: BlockedTensor,
  slope: number | undefined,
  ofImage: boolean,
): BlockedTensor {
  const { mean, deviation } = blockedStatistics(onnx, block, x, epsilon, ofImage);
  const factor = onnx.node("Div", [scale, deviation]);
  const shift = onnx.node("Sub", [bias, onnx.node("Mul", [mean, factor])]);
  const activation = slope === undefined ? undefined : leakyActivation(slope);
  return { ...x, name: scaledChannels(onnx, x, factor, { shift, activation }), clean: false };
}

/**
 * Mean and √(variance + ε) of each sample and channel, [sample, channel].
 *
 * The variance is the mean square less the square of the mean, which costs no further pass over the feature, and no digits
 * either where the mean is of the size of the deviation, as it is of features made from normed ones. Those made from the
 * image itself may lie anywhere: they are centred first.
 */
export function blockedStatistics(
  onnx: OnnxGraph,
  block: number,
  x: BlockedTensor,
  epsilon: number,
  ofImage: boolean,
): { readonly mean: string; readonly deviation: string } {
  const mean = channelMeans(onnx, block, x);
  const variance = ofImage ? centredVariance() : rawVariance();
  return { mean, deviation: onnx.node("Sqrt", [onnx.node("Add", [variance, onnx.scalar(epsilon)])]) };

  function squaresOf(values: string): string {
    return channelMeans(onnx, block, { ...x, name: onnx.node("Mul", [values, values]) });
  }

  function rawVariance(): string {
    const difference = onnx.node("Sub", [squaresOf(x.name), onnx.node("Mul", [mean, mean])]);
    return onnx.node("Max", [difference, onnx.scalar(0)]); // rounding may leave it below
  }

  function centredVariance(): string {
    const ones = onnx.floats(new Array<number>(x.batch * x.channels).fill(1), [x.batch, x.channels]);
    return squaresOf(scaledChannels(onnx, x, ones, { shift: onnx.node("Neg", [mean]) }));
  }
}

/** What onnxruntime's blocked convolution does to its result. */
export interface Activation {
  readonly activation: string;
  readonly activation_params: { readonly floats: readonly number[] };
}

export const leakyActivation = (slope: number): Activation => ({
  activation: "LeakyRelu",
  activation_params: { floats: [slope] },
});

/**
 * activation(x · factor + shift + sum) of a blocked tensor, in one pass: a convolution of one tap for every sample and
 * channel. Samples are further channels to it.
 *
 * @param factor - [sample, channel], as is the shift
 * @param then.sum - of the shape of x
 */
export function scaledChannels(
  onnx: OnnxGraph,
  x: Pick<BlockedTensor, "name" | "batch" | "channels" | "size">,
  factor: string,
  then: {
    readonly shift?: string | undefined;
    readonly sum?: string | undefined;
    readonly activation?: Activation | undefined;
  },
): string {
  const [batch, channels, rows, width] = pictureShape(x) as [number, number, number, number];
  const group = batch * channels;
  const asOne = (name: string) =>
    batch === 1 ? name : onnx.node("Reshape", [name, onnx.integers([1, group, rows, width])]);
  const inputs = [asOne(x.name), onnx.node("Reshape", [factor, onnx.integers([group, 1, 1, 1])])];
  if (then.shift !== undefined) inputs.push(onnx.node("Reshape", [then.shift, onnx.integers([group])]));
  else if (then.sum !== undefined) inputs.push("");
  if (then.sum !== undefined) inputs.push(asOne(then.sum));
  const shape: Record<string, OnnxAttribute> = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1] };
  const made = onnx.node(
    "Conv",
    inputs,
    { ...shape, pads: [0, 0, 0, 0], group, ...then.activation },
    undefined,
    nchwc,
  );
  return batch === 1 ? made : onnx.node("Reshape", [made, onnx.integers([batch, channels, rows, width])]);
}

/**
 * The means of a blocked tensor, [sample, channel], over each row, then over rows, then over planes, so that no sum is
 * long. Rows between the planes do not count.
 */
export function channelMeans(onnx: OnnxGraph, block: number, x: BlockedTensor): string {
  const { batch, channels, size } = x;
  const [z, y, w] = size;
  const rows = pitch(size);
  const window = { kernel_shape: [1, w], strides: [1, w], dilations: [1, 1], pads: [0, 0, 0, 0] };
  const ofRows = onnx.node("AveragePool", [x.name], { ...window, count_include_pad: 0 }, undefined, nchwc);
  const apart = onnx.node("Reshape", [ofRows, onnx.integers([(batch * channels) / block, z, rows, block])]);
  const own =
    rows === y ? apart : onnx.node("Slice", [apart, onnx.integers([0]), onnx.integers([y]), onnx.integers([2])]);
  const ofPlanes = onnx.node("ReduceMean", [own], { axes: [2] });
  return onnx.node("Reshape", [onnx.node("ReduceMean", [ofPlanes], { axes: [1] }), onnx.integers([batch, channels])]);
}
