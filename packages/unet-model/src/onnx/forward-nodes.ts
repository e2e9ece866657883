import { elementCount } from "@nnunet/core";
import type { NetworkGraph, NetworkNode } from "../network-graph.ts";
import type { OnnxGraph } from "./onnx-graph.ts";

/**
 * Adds the ONNX nodes of one network node. Only operators that every onnxruntime provider has: transposed convolutions
 * become a matrix product and a transposition, because WebGPU has no 3D ConvTranspose. The batch axis may be dynamic.
 *
 * @param tensorOf - name of the ONNX tensor that holds a feature (by its id)
 * @returns the name of the tensor made
 */
export function addForwardNode(
  onnx: OnnxGraph,
  node: NetworkNode,
  tensorOf: (featureId: number) => string,
  output?: string,
): string {
  switch (node.kind) {
    case "conv": {
      const pads = node.kernel.map((k) => (k - 1) / 2);
      const inputs = [tensorOf(node.input.id), node.weight, ...(node.bias ? [node.bias] : [])];
      return onnx.node(
        "Conv",
        inputs,
        { kernel_shape: node.kernel, strides: node.stride, pads: [...pads, ...pads] },
        output,
      );
    }
    case "instanceNorm":
      return addInstanceNorm(onnx, node, tensorOf(node.input.id), output);
    case "batchNorm":
      return addBatchNorm(onnx, node, tensorOf(node.input.id), output);
    case "leakyRelu":
      return onnx.node("LeakyRelu", [tensorOf(node.input.id)], { alpha: { float: node.slope } }, output);
    case "upConv":
      return addUpConv(onnx, node, tensorOf(node.input.id), output);
    case "concat":
      return onnx.node(
        "Concat",
        node.inputs.map((f) => tensorOf(f.id)),
        { axis: 1 },
        output,
      );
    case "add":
      return onnx.node(
        "Add",
        node.inputs.map((f) => tensorOf(f.id)),
        {},
        output,
      );
    case "averagePool":
      return onnx.node(
        "AveragePool",
        [tensorOf(node.input.id)],
        { kernel_shape: node.stride, strides: node.stride },
        output,
      );
  }
}

/** Voxels up to which onnxruntime's own operator is exact enough: its error grows with their number. */
const mostOfOneSum = 4096;

/**
 * onnxruntime's `InstanceNormalization` adds up all voxels of a channel in one float32 number. Of 655,360 voxels, half of
 * them the same (padding), it is off by 7e-4, which becomes 0.02 in the logits. Large features are added up row by row and
 * then over the rows, which is off by 1e-5.
 */
function addInstanceNorm(
  onnx: OnnxGraph,
  { input, scale, bias, epsilon }: Extract<NetworkNode, { kind: "instanceNorm" }>,
  x: string,
  output?: string,
): string {
  if (elementCount(input.spatial) <= mostOfOneSum) {
    return onnx.node("InstanceNormalization", [x, scale, bias], { epsilon: { float: epsilon } }, output);
  }
  const { centred, deviation } = addStatistics(onnx, x, input.spatial, epsilon);
  const perChannel = onnx.integers([1, input.channels, ...input.spatial.map(() => 1)]);
  const factor = onnx.node("Div", [onnx.node("Reshape", [scale, perChannel]), deviation]);
  const shift = onnx.node("Reshape", [bias, perChannel]);
  return onnx.node("Add", [onnx.node("Mul", [centred, factor]), shift], {}, output);
}

/** By the running averages: a scale and a shift per channel. */
export function addBatchNorm(
  onnx: OnnxGraph,
  { input, scale, bias, mean, variance, epsilon }: Extract<NetworkNode, { kind: "batchNorm" }>,
  x: string,
  output?: string,
): string {
  const perChannel = (values: string) =>
    onnx.node("Reshape", [values, onnx.integers([1, input.channels, ...input.spatial.map(() => 1)])]);
  const deviation = onnx.node("Sqrt", [onnx.node("Add", [variance, onnx.scalar(epsilon)])]);
  const factor = onnx.node("Div", [scale, deviation]);
  const shift = onnx.node("Sub", [bias, onnx.node("Mul", [mean, factor])]);
  return onnx.node("Add", [onnx.node("Mul", [x, perChannel(factor)]), perChannel(shift)], {}, output);
}

/**
 * x − mean, and √(variance + ε), per sample and channel, in two steps: over the last axis, then over the others. Variance is
 * that of the centred values: in one pass it would lose all digits where the mean is large.
 *
 * @param x - [n, channel, (z,) y, x]
 * @returns names of tensors: `centred` of x's shape, `deviation` [n, channel, 1, …]
 */
export function addStatistics(
  onnx: OnnxGraph,
  x: string,
  spatial: readonly number[],
  epsilon: number,
): { readonly centred: string; readonly deviation: string } {
  const last = spatial.length + 1;
  const others = spatial.slice(1).map((_, axis) => axis + 2);
  const overOthers = (rows: string) => onnx.node("ReduceMean", [rows], { axes: others });
  const mean = overOthers(onnx.node("ReduceMean", [x], { axes: [last] }));
  const centred = onnx.node("Sub", [x, mean]);
  const squares = overOthers(onnx.node("ReduceSumSquare", [centred], { axes: [last] }));
  const variance = onnx.node("Mul", [squares, onnx.scalar(1 / spatial.at(-1)!)]);
  const deviation = onnx.node("Sqrt", [onnx.node("Add", [variance, onnx.scalar(epsilon)])]);
  return { centred, deviation };
}

/**
 * y[n, co, s·k + t] = Σ x[n, ci, k] · w[ci, co, t]: with kernel = stride every output voxel has exactly one tap, so
 * the layer is one matrix product whose rows are then interleaved into space.
 */
function addUpConv(
  onnx: OnnxGraph,
  node: Extract<NetworkNode, { kind: "upConv" }>,
  x: string,
  output?: string,
): string {
  const { input, stride } = node;
  const co = node.output.channels;
  const taps = elementCount(stride);
  const rows = onnx.node(
    "Transpose",
    [onnx.node("Reshape", [node.weight, onnx.integers([input.channels, co * taps])])],
    { perm: [1, 0] },
  );
  const columns = onnx.node("Reshape", [x, onnx.integers([-1, input.channels, elementCount(input.spatial)])]);
  const product = onnx.node("MatMul", [rows, columns]); // [n, co·taps, voxels]
  const biased =
    node.bias === undefined ? product : addTapBias(onnx, product, node.bias, co, taps, elementCount(input.spatial));
  return interleaveTaps(onnx, biased, co, stride, input.spatial, output);
}

function addTapBias(onnx: OnnxGraph, product: string, bias: string, co: number, taps: number, voxels: number): string {
  const split = onnx.node("Reshape", [product, onnx.integers([-1, co, taps, voxels])]);
  return onnx.node("Add", [split, onnx.node("Reshape", [bias, onnx.integers([1, co, 1, 1])])]);
}

/** [n, c, taps, voxels] (any split of it) → [n, c, s₀·n₀, s₁·n₁, …]: tap t of voxel v goes to voxel s·v + t. */
export function interleaveTaps(
  onnx: OnnxGraph,
  x: string,
  channels: number,
  stride: readonly number[],
  spatial: readonly number[],
  output?: string,
): string {
  const axes = stride.length;
  const apart = onnx.node("Reshape", [x, onnx.integers([-1, channels, ...stride, ...spatial])]);
  const perm = [0, 1];
  for (let axis = 0; axis < axes; axis++) perm.push(2 + axes + axis, 2 + axis);
  const woven = onnx.node("Transpose", [apart], { perm });
  const fine = spatial.map((n, axis) => n * stride[axis]!);
  return onnx.node("Reshape", [woven, onnx.integers([-1, channels, ...fine])], {}, output);
}

/** All nodes that the feature `target` depends on, in order. */
export function nodesFor(graph: NetworkGraph, targets: readonly number[]): NetworkNode[] {
  const needed = new Set(targets);
  const kept: NetworkNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!needed.has(node.output.id)) continue;
    kept.unshift(node);
    for (const input of node.kind === "concat" || node.kind === "add" ? node.inputs : [node.input])
      needed.add(input.id);
  }
  return kept;
}
