import { elementCount } from "@nnunet/core";
import { onceComputed } from "./execution-order.ts";
import type { OnnxTape, OnnxValue } from "./onnx-tape.ts";

const spatialAxes = (x: OnnxValue): number[] => x.shape.slice(2).map((_, axis) => axis + 2);
const perChannel = (x: OnnxValue): number[] => [1, x.shape[1]!, ...x.shape.slice(2).map(() => 1)];

/** y = (x − mean) · scale / √(variance + ε) + bias, mean and variance per sample and channel. */
export function instanceNorm(
  tape: OnnxTape,
  x: OnnxValue,
  scale: OnnxValue,
  bias: OnnxValue,
  epsilon: number,
): OnnxValue {
  const { onnx } = tape;
  const y = onnx.node("InstanceNormalization", [x.name, scale.name, bias.name], { epsilon: { float: epsilon } });
  return tape.record(y, x.shape, [x, scale, bias], (dy) => {
    const statistics = statisticsOver(tape, x, spatialAxes(x), epsilon, dy);
    return normGradient(tape, x, scale, statistics, dy);
  });
}

export interface BatchNormed {
  readonly y: OnnxValue;
  /** [channel], of this batch: what a running average takes in. */
  readonly mean: OnnxValue;
  /** [channel], divided by one voxel less, as PyTorch's running variance. */
  readonly variance: OnnxValue;
}

/** The same with mean and variance per channel, over the whole batch. */
export function batchNorm(
  tape: OnnxTape,
  x: OnnxValue,
  scale: OnnxValue,
  bias: OnnxValue,
  epsilon: number,
): BatchNormed {
  const { onnx } = tape;
  const statistics = statisticsOver(tape, x, [0, ...spatialAxes(x)], epsilon);
  const shaped = (value: OnnxValue) => onnx.node("Reshape", [value.name, onnx.integers(perChannel(x))]);
  const factor = onnx.node("Mul", [statistics.r, shaped(scale)]);
  const name = onnx.node("Add", [onnx.node("Mul", [statistics.centred, factor]), shaped(bias)]);
  const y = tape.record(name, x.shape, [x, scale, bias], (dy) => normGradient(tape, x, scale, statistics, dy));
  const channels = [x.shape[1]!];
  const flat = (value: string) => ({ name: onnx.node("Reshape", [value, onnx.integers(channels)]), shape: channels });
  const { voxels } = statistics;
  const unbiased = onnx.node("Mul", [statistics.variance, onnx.scalar(voxels / Math.max(1, voxels - 1))]);
  return { y, mean: flat(statistics.mean), variance: flat(unbiased) };
}

interface Statistics {
  readonly axes: readonly number[];
  /** That a mean is of. */
  readonly voxels: number;
  readonly mean: string;
  readonly centred: string;
  readonly variance: string;
  /** 1/√(variance + ε) */
  readonly r: string;
}

/** @param after - what is to be there first: computed in the forward pass, `centred` would be kept until the backward one */
function statisticsOver(
  { onnx }: OnnxTape,
  x: OnnxValue,
  axes: readonly number[],
  epsilon: number,
  after?: string,
): Statistics {
  const voxels = elementCount(axes.map((axis) => x.shape[axis]!));
  const early = onnx.node("ReduceMean", [x.name], { axes });
  const means = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  const mean = after === undefined ? early : onceComputed(onnx, early, means, after);
  // two passes, as the variance of values far from zero loses all digits in one
  const centred = onnx.node("Sub", [x.name, mean]);
  const variance = onnx.node("Mul", [onnx.node("ReduceSumSquare", [centred], { axes }), onnx.scalar(1 / voxels)]);
  const r = onnx.node("Reciprocal", [onnx.node("Sqrt", [onnx.node("Add", [variance, onnx.scalar(epsilon)])])]);
  return { axes, voxels, mean, centred, variance, r };
}

/**
 * With S₁ = Σ dy and S₂ = Σ dy·(x − mean) over what a mean is of, V voxels:
 * dx = a·dy − (x − mean)·(a·r²·S₂/V) − a·S₁/V, where r = 1/√(variance + ε) and a = scale·r.
 */
function normGradient(
  { onnx }: OnnxTape,
  x: OnnxValue,
  scale: OnnxValue,
  { axes, voxels, centred, r }: Statistics,
  dy: string,
): string[] {
  const s1 = onnx.node("ReduceSum", [dy, onnx.integers(axes)]);
  const s2 = onnx.node("ReduceSum", [onnx.node("Mul", [dy, centred]), onnx.integers(axes)]);
  const a = onnx.node("Mul", [r, onnx.node("Reshape", [scale.name, onnx.integers(perChannel(x))])]);
  const slope = onnx.node("Mul", [
    onnx.node("Mul", [a, onnx.node("Mul", [onnx.node("Mul", [r, r]), s2])]),
    onnx.scalar(-1 / voxels),
  ]);
  const offset = onnx.node("Mul", [onnx.node("Mul", [a, s1]), onnx.scalar(-1 / voxels)]);
  const dx = onnx.node("Add", [
    onnx.node("Mul", [dy, a]),
    onnx.node("Add", [onnx.node("Mul", [centred, slope]), offset]),
  ]);
  /** [n or 1, c, 1, …] → [c] */
  const toChannels = (sums: string) =>
    onnx.node("ReduceSum", [sums, onnx.integers([0, ...spatialAxes(x)])], { keepdims: 0 });
  return [dx, toChannels(onnx.node("Mul", [s2, r])), toChannels(s1)];
}
