import { addBatchNorm, type NetworkGraph } from "@nnunet/unet-model";
import type { ParameterLayout } from "../parameter-layout.ts";
import { type ConvolutionLowering, convolution } from "./convolution.ts";
import { averagePool, concat, leakyRelu, upConv } from "./layers.ts";
import { batchNorm, instanceNorm } from "./norms.ts";
import type { OnnxTape, OnnxValue } from "./onnx-tape.ts";

/** Cuts the flat vector into named, shaped, differentiable values. */
export function cutParameters(tape: OnnxTape, layout: ParameterLayout, flat: OnnxValue): Map<string, OnnxValue> {
  const { onnx } = tape;
  return new Map(
    [...layout.offsets].map(([name, { offset, length, shape }]) => {
      // one Slice each: a Split with hundreds of outputs exceeds the buffers that a WebGPU shader may have
      const piece = onnx.node("Slice", [
        flat.name,
        onnx.integers([offset]),
        onnx.integers([offset + length]),
        onnx.integers([0]),
      ]);
      return [name, tape.parameter(onnx.node("Reshape", [piece, onnx.integers(shape)], {}, name), shape)];
    }),
  );
}

export interface ForwardResult {
  /** Of every head, highest resolution first. */
  readonly logits: readonly OnnxValue[];
  /** What batch norms saw in this batch, by the names of their running averages; nothing where those were used. */
  readonly statistics: ReadonlyMap<string, OnnxValue>;
}

/**
 * Runs the network on the tape.
 *
 * @param training - batch norms take the statistics of the batch, else their running averages
 */
export function forward(
  tape: OnnxTape,
  graph: NetworkGraph,
  lowering: ConvolutionLowering,
  parameters: ReadonlyMap<string, OnnxValue>,
  input: OnnxValue,
  training: boolean,
): ForwardResult {
  const statistics = new Map<string, OnnxValue>();
  const parameter = (name: string): OnnxValue => parameters.get(name)!;
  const normalized = new Set(
    graph.nodes.flatMap((n) => (n.kind === "instanceNorm" || (n.kind === "batchNorm" && training) ? [n.input.id] : [])),
  );
  const values = new Map<number, OnnxValue>([[graph.input.id, input]]);
  const value = (feature: { id: number }): OnnxValue => values.get(feature.id)!;
  const joins = new Map(graph.nodes.flatMap((n) => (n.kind === "concat" ? [[n.output.id, n.inputs] as const] : [])));
  const convolved = onlyConvolved(graph);
  for (const node of graph.nodes) {
    if (node.kind === "concat" && convolved.has(node.output.id)) continue;
    values.set(node.output.id, compute());

    function compute(): OnnxValue {
      switch (node.kind) {
        case "conv": {
          const bias = node.bias === undefined ? undefined : parameter(node.bias);
          const cancels = normalized.has(node.output.id);
          return convolution(
            tape,
            lowering,
            values.has(node.input.id) ? [value(node.input)] : joins.get(node.input.id)!.map(value),
            parameter(node.weight),
            bias,
            node.kernel,
            node.stride,
            cancels,
          );
        }
        case "instanceNorm":
          return instanceNorm(tape, value(node.input), parameter(node.scale), parameter(node.bias), node.epsilon);
        case "batchNorm": {
          const x = value(node.input);
          if (!training) return { name: addBatchNorm(tape.onnx, node, x.name), shape: x.shape };
          const { y, mean, variance } = batchNorm(tape, x, parameter(node.scale), parameter(node.bias), node.epsilon);
          statistics.set(node.mean, mean).set(node.variance, variance);
          return y;
        }
        case "leakyRelu":
          return leakyRelu(tape, value(node.input), node.slope);
        case "upConv":
          return upConv(
            tape,
            lowering,
            value(node.input),
            parameter(node.weight),
            node.bias === undefined ? undefined : parameter(node.bias),
            node.stride,
          );
        case "concat":
          return concat(tape, node.inputs.map(value));
        case "add":
          return tape.add(value(node.inputs[0]), value(node.inputs[1]));
        case "averagePool":
          return averagePool(tape, value(node.input), node.stride);
      }
    }
  }
  return { logits: graph.outputs.map(value), statistics };
}

/** Features that convolutions alone take in: they need not be joined first. */
function onlyConvolved(graph: NetworkGraph): ReadonlySet<number> {
  const convolved = new Set(graph.nodes.flatMap((node) => (node.kind === "conv" ? [node.input.id] : [])));
  const otherwise = graph.nodes.flatMap((node) =>
    node.kind === "conv"
      ? []
      : (node.kind === "concat" || node.kind === "add" ? node.inputs : [node.input]).map(({ id }) => id),
  );
  for (const id of [...otherwise, ...graph.outputs.map((output) => output.id)]) convolved.delete(id);
  return convolved;
}
