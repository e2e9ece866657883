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
      return onnx.node(
        "InstanceNormalization",
        [tensorOf(node.input.id), node.scale, node.bias],
        { epsilon: { float: node.epsilon } },
        output,
      );
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
