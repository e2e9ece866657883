import type { NetworkNode } from "../../network-graph.ts";
import type { OnnxAttribute, OnnxGraph } from "../onnx-graph.ts";
import { type BlockedTensor, nchwc, pitch } from "./blocked-tensor.ts";

/**
 * Instance norm, and the leaky ReLU behind it: scale and shift of each channel as a convolution of one tap per channel,
 * which takes the activation along.
 *
 * Mean and mean square are taken over each row, then over rows, then over planes, so that no sum is long. Rows between the
 * planes do not count.
 *
 * The variance is the mean square less the square of the mean, which costs no further pass over the feature, and no digits
 * either where the mean is of the size of the deviation, as it is of features made from normed ones. Those made from the
 * image itself may lie anywhere: they are centred first.
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
  const { channels, name } = x;
  const mean = channelMeans(onnx, block, x);
  const shape = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: channels };
  const positive = ofImage ? centredVariance() : variance();
  const deviation = onnx.node("Sqrt", [onnx.node("Add", [positive, onnx.scalar(epsilon)])]);
  const factor = onnx.node("Div", [scale, deviation]);
  const shift = onnx.node("Sub", [bias, onnx.node("Mul", [mean, factor])]);
  const kernel = onnx.node("Reshape", [factor, onnx.integers([channels, 1, 1, 1])]);
  const activation: Record<string, OnnxAttribute> =
    slope === undefined ? {} : { activation: "LeakyRelu", activation_params: { floats: [slope] } };
  const normed = onnx.node("Conv", [name, kernel, shift], { ...shape, ...activation }, undefined, nchwc);
  return { ...x, name: normed, clean: false };

  function squaresOf(values: string): string {
    return channelMeans(onnx, block, { ...x, name: onnx.node("Mul", [values, values]) });
  }

  function variance(): string {
    const difference = onnx.node("Sub", [squaresOf(name), onnx.node("Mul", [mean, mean])]);
    return onnx.node("Max", [difference, onnx.scalar(0)]); // rounding may leave it below
  }

  function centredVariance(): string {
    const ones = onnx.floats(new Array<number>(channels).fill(1), [channels, 1, 1, 1]);
    return squaresOf(onnx.node("Conv", [name, ones, onnx.node("Neg", [mean])], shape, undefined, nchwc));
  }
}

/** [channel] */
function channelMeans(onnx: OnnxGraph, block: number, { name, channels, size }: BlockedTensor): string {
  const [z, y, x] = size;
  const rows = pitch(size);
  const window = { kernel_shape: [1, x], strides: [1, x], dilations: [1, 1], pads: [0, 0, 0, 0] };
  const ofRows = onnx.node("AveragePool", [name], { ...window, count_include_pad: 0 }, undefined, nchwc);
  const apart = onnx.node("Reshape", [ofRows, onnx.integers([channels / block, z, rows, block])]);
  const own =
    rows === y ? apart : onnx.node("Slice", [apart, onnx.integers([0]), onnx.integers([y]), onnx.integers([2])]);
  const ofPlanes = onnx.node("ReduceMean", [own], { axes: [2] });
  return onnx.node("Reshape", [onnx.node("ReduceMean", [ofPlanes], { axes: [1] }), onnx.integers([channels])]);
}
