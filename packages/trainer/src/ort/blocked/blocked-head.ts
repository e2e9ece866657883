import { pictureOf, pointwiseProduct, toPlain, wholeBlocks } from "@nnunet/unet-model";
import { onceComputed } from "../execution-order.ts";
import type { OnnxTape, OnnxValue } from "../onnx-tape.ts";
import type { BlockedValue } from "./blocked-value.ts";
import { blockedPointwiseWeightGradient } from "./blocked-weight-gradient.ts";

/**
 * A head: a convolution of one tap to fewer channels than a block, from a blocked feature to plain logits.
 *
 * @param x - with zeros between its planes
 * @param w - [co, ci, 1, …]
 * @returns [n, co, …spatial]
 */
export function blockedHead(
  tape: OnnxTape,
  block: number,
  x: BlockedValue,
  spatial: readonly number[],
  w: OnnxValue,
  bias: OnnxValue | undefined,
): OnnxValue {
  const { onnx } = tape;
  const { batch, channels: ci, size } = x;
  const co = w.shape[0]!;
  const whole = wholeBlocks(co, block);
  const flat = onnx.node("Reshape", [w.name, onnx.integers([co, ci])]);
  const kernel = onnx.node("Transpose", [onnx.node("Pad", [flat, onnx.integers([0, 0, whole - co, 0])])], {
    perm: [1, 0],
  });
  const padded = bias && onnx.node("Pad", [bias.name, onnx.integers([0, whole - co])]);
  const laid = onnx.node("Reshape", [kernel, onnx.integers([whole, ci, 1, 1])]); // in memory [ci, whole]
  const made = { ...x, name: pointwiseProduct(onnx, x.name, laid, padded), channels: whole };
  const y = toPlain(onnx, block, made, co, spatial);
  return tape.record(y, [batch, co, ...spatial], bias ? [x, w, bias] : [x, w], (dy) => {
    const picture = pictureOf(onnx, dy, batch, co, size);
    const dw = blockedPointwiseWeightGradient(onnx, block, x, picture, co);
    // [ci/b, co, b]: dy is read as it is, its channels fill no block
    const apart = onnx.node("Reshape", [
      onceComputed(onnx, flat, [co, ci], dw),
      onnx.integers([co, ci / block, block]),
    ]);
    const back = onnx.node("Transpose", [apart], { perm: [1, 0, 2] });
    const dx = pointwiseProduct(onnx, picture, onnx.node("Reshape", [back, onnx.integers([ci, co, 1, 1])]));
    const gradients = [dx, onnx.node("Reshape", [dw, onnx.integers(w.shape)])];
    if (!bias) return gradients;
    const axes = [0, ...spatial.map((_, axis) => axis + 2)];
    return [...gradients, onnx.node("ReduceSum", [dy, onnx.integers(axes)], { keepdims: 0 })];
  });
}
