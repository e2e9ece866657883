import type { OnnxGraph } from "@nnunet/unet-model";

/** Stochastic gradient descent with Nesterov momentum (docs/method.md §6). */
export interface SgdOptions {
  /** 0.99 */
  readonly momentum: number;
  /** 3e-5, on every parameter. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global L2 norm: 12. */
  readonly clipNorm: number;
}

export const defaultSgd: SgdOptions = { momentum: 0.99, weightDecay: 3e-5, clipNorm: 12 };

/**
 * One step on the flat vector of all parameters:
 *
 * g ← gradient · min(1, clip / (‖gradient‖ + 1e-6)) + decay · w;  m ← μ·m + g;  w ← w − rate · (g + μ·m)
 *
 * @param names - flat tensors `weights`, `momentum`, `gradient` and the scalar `learningRate`; `outputs` names the new ones
 */
export function addSgdStep(
  onnx: OnnxGraph,
  names: { weights: string; momentum: string; gradient: string; learningRate: string },
  outputs: { weights: string; momentum: string; gradientNorm: string },
  options: SgdOptions,
): void {
  const { weights, momentum, gradient, learningRate } = names;
  const square = onnx.node("ReduceSumSquare", [gradient], { keepdims: 0 });
  const norm = onnx.node("Sqrt", [square], {}, outputs.gradientNorm);
  const ratio = onnx.node("Div", [onnx.scalar(options.clipNorm), onnx.node("Add", [norm, onnx.scalar(1e-6)])]);
  const clipped = onnx.node("Mul", [gradient, onnx.node("Min", [ratio, onnx.scalar(1)])]);
  const decayed = onnx.node("Add", [clipped, onnx.node("Mul", [weights, onnx.scalar(options.weightDecay)])]);
  const mu = onnx.scalar(options.momentum);
  const moved = onnx.node("Add", [onnx.node("Mul", [momentum, mu]), decayed], {}, outputs.momentum);
  const direction = onnx.node("Add", [decayed, onnx.node("Mul", [moved, mu])]);
  onnx.node("Sub", [weights, onnx.node("Mul", [direction, learningRate])], {}, outputs.weights);
}
