import type { OnnxGraph } from "@nnunet/unet-model";
import type { ConvolutionLowering } from "./convolution.ts";

export interface HalfPrecision {
  /** Weight gradients sum over all voxels of a batch: in float32 where the device adds in the type of its operands. */
  readonly weightGradients: boolean;
  /** Keeps onnxruntime's CPU provider from computing in float32 what looks like a cast there and back. */
  readonly imitated: boolean;
}

/**
 * A lowering whose convolutions and matrix products take and give float16, while everything between them (weights, norms,
 * activations, loss, optimiser) stays float32: PyTorch's autocast.
 */
export function halfPrecision(inner: ConvolutionLowering, { weightGradients, imitated }: HalfPrecision) {
  /** An operation on float16 tensors, of float32 ones. */
  const inHalf = (onnx: OnnxGraph, operands: readonly string[], compute: (halves: readonly string[]) => string) => {
    const half = (name: string) => {
      const cast = onnx.node("Cast", [name], { to: FLOAT16 });
      return imitated ? keptInHalf(onnx, cast) : cast;
    };
    const y = compute(operands.map(half));
    return onnx.node("Cast", [imitated ? keptInHalf(onnx, y) : y], { to: FLOAT });
  };
  const lowering: ConvolutionLowering = {
    ...inner,
    forward: (onnx, parts, bias) =>
      parts
        .map((part, i) =>
          inHalf(onnx, [part.x, part.w, ...(i === 0 && bias !== undefined ? [bias] : [])], ([x, w, b]) =>
            inner.forward(onnx, [{ ...part, x: x!, w: w! }], b),
          ),
        )
        .reduce((a, b) => onnx.node("Add", [a, b])),
    inputGradient: (onnx, shape, dy, w) =>
      inHalf(onnx, [dy, w], ([dyHalf, wHalf]) => inner.inputGradient(onnx, shape, dyHalf!, wHalf!)),
    weightGradient: (onnx, shape, x, dy) =>
      weightGradients
        ? inHalf(onnx, [x, dy], ([xHalf, dyHalf]) => inner.weightGradient(onnx, shape, xHalf!, dyHalf!))
        : inner.weightGradient(onnx, shape, x, dy),
    matMul: (onnx, a, b, overVoxels) =>
      overVoxels && !weightGradients
        ? onnx.node("MatMul", [a, b])
        : inHalf(onnx, [a, b], ([aHalf, bHalf]) => onnx.node("MatMul", [aHalf!, bHalf!])),
  };
  return lowering;
}

/** TensorProto.DataType */
const FLOAT = 1;
const FLOAT16 = 10;

/** The same tensor behind an operation on float16 that no pass of onnxruntime removes. */
function keptInHalf(onnx: OnnxGraph, half: string): string {
  const first = onnx.integers([0]);
  return onnx.node("Squeeze", [onnx.node("Unsqueeze", [half, first]), first]);
}
