import { elementCount } from "@nnunet/core";
import type { OnnxAttribute, OnnxGraph } from "../onnx-graph.ts";
import { type BlockedTensor, nchwc, pictureShape, type PlaneSize, pitch } from "./blocked-tensor.ts";
import { rowProducts } from "./row-products.ts";

/** Mean and √(variance + ε) of each sample and channel, [sample, channel]; features made from the image are centred. */
export function blockedStatistics(
  onnx: OnnxGraph,
  block: number,
  x: BlockedTensor,
  epsilon: number,
  ofImage: boolean,
): { readonly mean: string; readonly deviation: string } {
  const mean = channelMeans(onnx, block, x);
  const deviation = deviationOf(onnx, mean, epsilon, ofImage, (shift) => {
    const name = shift === undefined ? x.name : scaledChannels(onnx, block, x, ones(), { shift });
    return meanProducts(onnx, block, { ...x, name }, name);
  });
  return { mean, deviation };

  function ones(): string {
    return onnx.floats(new Array<number>(x.batch * x.channels).fill(1), [x.batch, x.channels]);
  }
}

/**
 * √(variance + ε) of a feature, of the shape of its mean.
 *
 * The variance is the mean square less the square of the mean, which costs no further pass over the feature, and no digits
 * either where the mean is of the size of the deviation, as it is of features made from normed ones. Those made from the
 * image itself may lie anywhere, and a few voxels may all be nearly the same: they are to be centred first.
 *
 * @param meanSquare - of the feature, to which `shift` is added where it is given
 */
export function deviationOf(
  onnx: OnnxGraph,
  mean: string,
  epsilon: number,
  isCentred: boolean,
  meanSquare: (shift?: string) => string,
): string {
  const variance = isCentred ? meanSquare(onnx.node("Neg", [mean])) : rawVariance();
  return onnx.node("Sqrt", [onnx.node("Add", [variance, onnx.scalar(epsilon)])]);

  function rawVariance(): string {
    const difference = onnx.node("Sub", [meanSquare(), onnx.node("Mul", [mean, mean])]);
    return onnx.node("Max", [difference, onnx.scalar(0)]); // rounding may leave it below
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
 * channel. To it samples are further channels, and so are rows, where those between the planes are to become zeros.
 *
 * @param factor - [sample, channel], as is the shift
 * @param then.sum - of the shape of x; where the result is to be clean it is so too
 * @param then.clean - zeros between the planes, else anything
 */
export function scaledChannels(
  onnx: OnnxGraph,
  block: number,
  x: Pick<BlockedTensor, "name" | "batch" | "channels" | "size">,
  factor: string,
  then: {
    readonly shift?: string | undefined;
    readonly sum?: string | undefined;
    readonly activation?: Activation | undefined;
    readonly clean?: boolean;
  },
): string {
  const shape = pictureShape(x) as [number, number, number, number];
  const [batch, channels, rows, width] = shape;
  const byRow = then.clean === true && pitch(x.size) !== x.size[1];
  const group = batch * channels * (byRow ? rows : 1);
  const seen = [1, group, byRow ? 1 : rows, width];
  const asOne = (name: string) => onnx.node("Reshape", [name, onnx.integers(seen)]);
  const spread = (values: string) => (byRow ? ofRows(onnx, block, x, values) : values);
  const inputs = [asOne(x.name), onnx.node("Reshape", [spread(factor), onnx.integers([group, 1, 1, 1])])];
  if (then.shift !== undefined) inputs.push(onnx.node("Reshape", [spread(then.shift), onnx.integers([group])]));
  else if (then.sum !== undefined) inputs.push("");
  if (then.sum !== undefined) inputs.push(asOne(then.sum));
  const one: Record<string, OnnxAttribute> = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1] };
  const attributes = { ...one, pads: [0, 0, 0, 0], group, ...then.activation };
  const made = onnx.node("Conv", inputs, attributes, undefined, nchwc);
  return onnx.node("Reshape", [made, onnx.integers(shape)]);
}

/** [sample, channel] → [sample, channel / block, row, block], zeros for the rows between the planes. */
function ofRows(
  onnx: OnnxGraph,
  block: number,
  { batch, channels, size }: Pick<BlockedTensor, "batch" | "channels" | "size">,
  values: string,
): string {
  const mask = onnx.floats(planeRows(size, 1), [1, size[0] * pitch(size), 1]);
  const apart = onnx.node("Reshape", [values, onnx.integers([(batch * channels) / block, 1, block])]);
  return onnx.node("Mul", [apart, mask]);
}

/**
 * The means of a blocked tensor, [sample, channel], over each row, then over rows. Rows between the planes do not count.
 */
export function channelMeans(onnx: OnnxGraph, block: number, x: BlockedTensor): string {
  const [z, y, w] = x.size;
  const window = { kernel_shape: [1, w], strides: [1, w], dilations: [1, 1], pads: [0, 0, 0, 0] };
  const ofRows = onnx.node("AveragePool", [x.name], { ...window, count_include_pad: 0 }, undefined, nchwc);
  return overRows(onnx, block, x, ofRows, 1 / (z * y));
}

/** The means of x · y, [sample, channel], as {@link channelMeans} takes them. */
export function meanProducts(onnx: OnnxGraph, block: number, x: BlockedTensor, y: string): string {
  const rows = x.batch * x.channels * x.size[0] * pitch(x.size);
  const sums = rowProducts(onnx, x.name, y, rows, x.size[2]);
  return overRows(onnx, block, x, sums, 1 / elementCount(x.size));
}

/** Numbers of every row, summed with a share for those of the planes: [sample, channel]. */
function overRows(
  onnx: OnnxGraph,
  block: number,
  { batch, channels, size }: BlockedTensor,
  ofRows: string,
  share: number,
): string {
  const rows = size[0] * pitch(size);
  const apart = onnx.node("Reshape", [ofRows, onnx.integers([(batch * channels) / block, rows, block])]);
  const sum = onnx.node("MatMul", [onnx.floats(planeRows(size, share), [1, rows]), apart]);
  return onnx.node("Reshape", [sum, onnx.integers([batch, channels])]);
}

/** For each row of the picture: `own` where it belongs to a plane, 0 between the planes. */
function planeRows(size: PlaneSize, own: number): number[] {
  const [z, y] = size;
  const plane = Array.from({ length: pitch(size) }, (_, row) => (row < y ? own : 0));
  return new Array<number[]>(z).fill(plane).flat();
}
