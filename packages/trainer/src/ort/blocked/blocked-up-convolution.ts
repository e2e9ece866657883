import { elementCount } from "@nnunet/core";
import {
  type BlockedTensor,
  cleaned,
  nchwc,
  pictureShape,
  pitch,
  pointwiseProduct,
  separatedBlocks,
  wovenBlocks,
  type WovenGrid,
} from "@nnunet/unet-model";
import { onceComputed } from "../execution-order.ts";
import type { OnnxTape, OnnxValue } from "../onnx-tape.ts";
import { channelSums } from "./blocked-convolution.ts";
import { type BlockedValue, recordBlocked } from "./blocked-value.ts";

/**
 * Transposed convolution with kernel = stride: a convolution of one tap makes the channels of all taps, which are woven
 * into space.
 *
 * @param x - with zeros between its planes
 * @param spatial - of x, [(z,) y, x]
 * @param w - [ci, co, …stride]
 */
export function blockedUpConvolution(
  tape: OnnxTape,
  block: number,
  x: BlockedValue,
  spatial: readonly number[],
  w: OnnxValue,
  bias: OnnxValue | undefined,
  stride: readonly number[],
): BlockedValue {
  const { onnx } = tape;
  const { batch, channels: ci } = x;
  const co = w.shape[1]!;
  const taps = elementCount(stride);
  const grid: WovenGrid = { batch, channels: co, size: spatial, stride };
  const split = onnx.node("Reshape", [w.name, onnx.integers([ci / block, block, co / block, block, taps])]);
  const lay = (weights: string, perm: readonly number[], shape: readonly number[]) =>
    onnx.node("Reshape", [onnx.node("Transpose", [weights], { perm }), onnx.integers(shape)]);
  // [co/b, tap, ci/b, in, out]
  const kernel = lay(split, [2, 4, 0, 1, 3], [co * taps, ci, 1, 1]);
  const repeated = bias && repeatedBias();
  const product = pointwiseProduct(onnx, x.name, kernel, repeated);
  const planes = { rows: pitch(x.size), shift: 0, clean: bias === undefined };
  const y = cleaned(onnx, block, wovenBlocks(onnx, block, grid, planes, product));
  return recordBlocked(tape, y, bias ? [x, w, bias] : [x, w], (dy) => {
    const byTap: BlockedTensor = { ...x, channels: co * taps, name: separatedBlocks(onnx, block, grid, dy.name) };
    const dw = weightGradient(byTap);
    const whole = [ci / block, block, co / block, block, taps];
    // [ci/b, co/b, tap, out, in]
    const back = lay(onceComputed(onnx, split, whole, dw), [0, 2, 4, 3, 1], [ci, co * taps, 1, 1]);
    const gradients = [pointwiseProduct(onnx, byTap.name, back), dw];
    return bias ? [...gradients, channelSums(tape, block, dy)] : gradients;
  });

  function repeatedBias(): string {
    const apart = onnx.node("Reshape", [bias!.name, onnx.integers([co / block, 1, block])]);
    const everywhere = onnx.node("Expand", [apart, onnx.integers([co / block, taps, block])]);
    return onnx.node("Reshape", [everywhere, onnx.integers([co * taps])]);
  }

  /** x has zeros between its planes: what the gradient holds there does not count. */
  function weightGradient(byTap: BlockedTensor): string {
    const rows = (tensor: BlockedTensor) => {
      const [n, channels, height, width] = pictureShape(tensor) as [number, number, number, number];
      const plain = onnx.node("ReorderOutput", [tensor.name], { channels }, undefined, nchwc);
      return onnx.node("Reshape", [plain, onnx.integers([n, channels, height * width])]);
    };
    // The larger side comes first: that is the one which threads divide, and divided columns would be summed in another order.
    const columns = onnx.node("Transpose", [rows(x)], { perm: [0, 2, 1] });
    const product = onnx.node("MatMul", [rows(byTap), columns]);
    const summed = onnx.node("ReduceSum", [product, onnx.integers([0])], { keepdims: 0 });
    const apart = onnx.node("Reshape", [summed, onnx.integers([co / block, taps, block, ci])]);
    return lay(apart, [3, 0, 2, 1], w.shape);
  }
}
