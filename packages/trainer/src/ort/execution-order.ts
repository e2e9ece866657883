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
  const flat = (tensor: string) => onnx.node("Reshape", [tensor, onnx.integers([-1])]);
  const none = onnx.node("Slice", [flat(first), onnx.integers([0]), onnx.integers([0])]);
  return onnx.node("Reshape", [onnx.node("Concat", [flat(value), none], { axis: 0 }), onnx.integers(shape)]);
}
