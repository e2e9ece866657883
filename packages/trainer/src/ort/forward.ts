import type { NetworkGraph } from "@nnunet/unet-model";
import type { ParameterLayout } from "../parameter-layout.ts";
import { type ConvolutionLowering, convolution } from "./convolution.ts";
import { averagePool, concat, instanceNorm, leakyRelu, upConv } from "./layers.ts";
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

/** Runs the network on the tape; returns the logits of every head, highest resolution first. */
export function forward(
  tape: OnnxTape,
  graph: NetworkGraph,
  lowering: ConvolutionLowering,
  parameters: ReadonlyMap<string, OnnxValue>,
  input: OnnxValue,
): OnnxValue[] {
  const parameter = (name: string): OnnxValue => parameters.get(name)!;
  const normalized = new Set(graph.nodes.flatMap((n) => (n.kind === "instanceNorm" ? [n.input.id] : [])));
  const values = new Map<number, OnnxValue>([[graph.input.id, input]]);
  const value = (feature: { id: number }): OnnxValue => values.get(feature.id)!;
  for (const node of graph.nodes) {
    values.set(node.output.id, compute());

    function compute(): OnnxValue {
      switch (node.kind) {
        case "conv": {
          const bias = node.bias === undefined ? undefined : parameter(node.bias);
          const cancels = normalized.has(node.output.id);
          return convolution(
            tape,
            lowering,
            value(node.input),
            parameter(node.weight),
            bias,
            node.kernel,
            node.stride,
            cancels,
          );
        }
        case "instanceNorm":
          return instanceNorm(tape, value(node.input), parameter(node.scale), parameter(node.bias), node.epsilon);
        case "leakyRelu":
          return leakyRelu(tape, value(node.input), node.slope);
        case "upConv":
          return upConv(
            tape,
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
  return graph.outputs.map(value);
}
