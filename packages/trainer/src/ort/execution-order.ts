import { elementCount } from "@nnunet/core";
import type { OnnxGraph } from "@nnunet/unet-model";

/**
 * `value` [shape], which cannot be had before `first` has been computed: a join with none of its values.
 *
 * onnxruntime orders the nodes of a graph itself: it computes early whatever it can, and late what only the end needs.
 * Left alone it makes the parts of a derivative that depend on the forward pass alone during that pass, and all weight
 * gradients at the very end, and keeps large tensors all the while. Tying a small operand, a mean, a scalar or
 * a layer's weights, to the right moment orders the rest.
 */
export function onceComputed(onnx: OnnxGraph, value: string, shape: readonly number[], first: string): string {
  const flat = onnx.node("Reshape", [first, onnx.integers([-1])]);
  const none = onnx.node("Slice", [flat, onnx.integers([0]), onnx.integers([0])]);
  // one row and no row: along the values themselves the join would be slow on CUDA, see `joinInRows`
  const length = elementCount(shape);
  const row = onnx.node("Reshape", [value, onnx.integers([1, length])]);
  const noRow = onnx.node("Reshape", [none, onnx.integers([0, length])], { allowzero: 1 });
  return onnx.node("Reshape", [onnx.node("Concat", [row, noRow], { axis: 0 }), onnx.integers(shape)]);
}

/**
 * `x` in another shape, which cannot be had before `first` has been computed: what is made of a feature for its gradient
 * alone is made then, and not during the forward pass and kept.
 */
export function reshapedOnce(onnx: OnnxGraph, x: string, shape: readonly number[], first: string): string {
  const flat = onnx.node("Reshape", [first, onnx.integers([-1])]);
  const none = onnx.node("Cast", [onnx.node("Slice", [flat, onnx.integers([0]), onnx.integers([0])])], { to: 7 });
  return onnx.node("Reshape", [x, onnx.node("Concat", [onnx.integers(shape), none], { axis: 0 })]);
}
