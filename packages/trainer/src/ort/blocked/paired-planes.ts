import {
  type BlockedTensor,
  nchwc,
  type OnnxGraph,
  pictureShape,
  pitch,
  planesMet,
  type PlaneWindow,
} from "@nnunet/unet-model";
import { reshapedOnce } from "../execution-order.ts";
import { type LaidWeights, layPlanes } from "./lay-kernels.ts";

/**
 * Below this many input channels the passes over memory cost what the products save: with 16 the step is no faster, with 32
 * and 64 such a layer takes 0.89 and 0.80 of the time.
 */
const FEWEST_CHANNELS = 32;

/** Whether a convolution gains by {@link convolvePairs}: of three planes with stride 1, of volumes with an even number of them. */
export function suitsPairs(
  { window, before, stride }: PlaneWindow,
  [planes]: BlockedTensor["size"],
  channels: number,
): boolean {
  const isCube = window.every((extent) => extent === 3) && before.every((n) => n === 1);
  return isCube && stride.every((s) => s === 1) && planes % 2 === 0 && channels >= FEWEST_CHANNELS;
}

/** Of a blocked tensor, what Winograd's four products take in: tensors of half as many planes (see `planesMet`). */
export interface PairedPlanes {
  readonly x: BlockedTensor;
  /** The last with the opposite sign: its product is subtracted wherever it occurs. */
  readonly names: readonly [string, string, string, string];
}

/**
 * Sums and differences of planes, two each: a convolution along the planes of every channel by itself, to which a plane is
 * a row.
 *
 * @param x - with zeros between its planes, whose number is even
 * @param after - not to be had before this
 */
export function pairedPlanes(onnx: OnnxGraph, block: number, x: BlockedTensor, after?: string): PairedPlanes {
  const { name, batch, channels, size } = x;
  const [planes, , width] = size;
  const rows = pitch(size);
  const seen = [batch, channels, planes, rows * width];
  const asRows =
    after === undefined ? onnx.node("Reshape", [name, onnx.integers(seen)]) : reshapedOnce(onnx, name, seen, after);
  const halved = onnx.integers([batch, channels, (planes / 2) * rows, width]);
  const names = planesMet.map((taken: readonly number[], product) => {
    const [first, second] = taken.flatMap((value, plane) => (value === 0 ? [] : [plane])) as [number, number];
    const sign = product === 3 ? -1 : 1;
    const taps = [first, second].flatMap((plane) => new Array<number>(block).fill(sign * taken[plane]!));
    const kernel = onnx.floats(new Array(channels / block).fill(taps).flat(), [channels, 1, 2, 1]);
    // plane 1 of the four is the first of the pair
    const pads = [Math.max(0, 1 - first), 0, Math.max(0, second - 2), 0];
    const attributes = { kernel_shape: [2, 1], dilations: [second - first, 1], strides: [2, 1], pads, group: channels };
    return onnx.node("Reshape", [onnx.node("Conv", [asRows, kernel], attributes, undefined, nchwc), halved]);
  });
  return { x, names: names as unknown as PairedPlanes["names"] };
}

/**
 * A convolution of 3×3×3 by Winograd's F(2, 3) along the planes: each pair of planes of the result from four convolutions
 * within planes instead of six.
 *
 * What is used again is made by an addition of its own: a convolution that adds to a tensor does so in place only where
 * nobody else reads it, and else copies it, on one thread.
 *
 * @param parts - of the input, whose channels follow each other, and their weights
 * @returns blocked, [sample, channel, planes · rows, x]; rows between the planes hold anything
 */
export function convolvePairs(
  onnx: OnnxGraph,
  block: number,
  parts: readonly { readonly planes: PairedPlanes; readonly weights: LaidWeights }[],
  bias: string | undefined,
): string {
  const { x } = parts[0]!.planes;
  const { batch, size } = x;
  const { weights } = parts[0]!;
  const channels = weights.swap ? weights.inChannels : weights.outChannels;
  const kernels = parts.map((part) => winogradKernels(onnx, layPlanes(onnx, block, part.weights)));
  const products = (product: 0 | 1 | 2 | 3, onto: { readonly bias?: string | undefined; readonly sum?: string }) =>
    parts.reduce((sum: string | undefined, { planes }, i) => {
      const operands = [planes.names[product], kernels[i]![product]!];
      if (sum !== undefined) operands.push("", sum);
      else if (onto.bias !== undefined) operands.push(onto.bias);
      const window = { kernel_shape: [3, 3], dilations: [1, 1], strides: [1, 1], pads: [1, 1, 1, 1], group: 1 };
      return onnx.node("Conv", operands, window, undefined, nchwc);
    }, onto.sum)!;
  const [second, third] = [products(1, { bias }), products(2, {})];
  const even = products(0, { sum: onnx.node("Add", [second, third]) });
  const odd = products(3, { sum: onnx.node("Sub", [second, third]) });
  const [planes, , width] = size;
  const pairs = [(batch * channels * planes) / block / 2, 1, pitch(size) * width * block];
  const woven = onnx.node(
    "Concat",
    [even, odd].map((half) => onnx.node("Reshape", [half, onnx.integers(pairs)])),
    { axis: 1 },
  );
  return onnx.node("Reshape", [woven, onnx.integers(pictureShape({ batch, channels, size }))]);
}

/** `kernelsMade` of the three planes of a kernel, as they are laid out. */
function winogradKernels(onnx: OnnxGraph, [before, own, behind]: readonly [string, string, string]): readonly string[] {
  const half = onnx.scalar(0.5);
  const outer = onnx.node("Mul", [onnx.node("Add", [before, behind]), half]);
  const inner = onnx.node("Mul", [own, half]);
  return [before, onnx.node("Add", [outer, inner]), onnx.node("Sub", [outer, inner]), behind];
}
