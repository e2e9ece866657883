import type { NetworkGraph, NetworkNode } from "@nnunet/unet-model";
import type { Tensor } from "@tensorflow/tfjs-core";
import { convolution } from "./convolution.ts";
import { add, averagePool, concat, leakyRelu, upConv } from "./layers.ts";
import { batchNorm, batchNormByAverages, instanceNorm } from "./norms.ts";
import type { Tf } from "./tensor-tape.ts";

/**
 * Runs the network.
 *
 * @param parameters - by name, in the layout of ./weight-layout.ts
 * @param input - [n, (z,) y, x, channel]
 * @param seen - gets what batch norms see in this batch, by the names of their running averages, as tensors to be disposed
 *   of; without it they take their running averages instead
 * @returns the logits of every head, [n, class, (z,) y, x], highest resolution first
 */
export function forward(
  tf: Tf,
  graph: NetworkGraph,
  parameters: ReadonlyMap<string, Tensor>,
  input: Tensor,
  seen?: Map<string, Tensor>,
): Tensor[] {
  const values = new Map<number, Tensor>([[graph.input.id, input]]);
  const outputs = new Set(graph.outputs.map((f) => f.id));
  const lastUse = lastUses(graph.nodes);
  for (const node of graph.nodes) {
    values.set(
      node.output.id,
      tf.tidy(() => compute(tf, node, graph.input.id, parameters, (id) => values.get(id)!, seen)),
    );
    // what its gradient needs, an operation keeps itself
    for (const id of inputIds(node)) {
      if (lastUse.get(id) !== node || outputs.has(id) || id === graph.input.id) continue;
      values.get(id)!.dispose();
      values.delete(id);
    }
  }
  return graph.outputs.map(({ id }) => channelsFirst(tf, values.get(id)!));
}

/** Biases that a norm of this kind subtracts again: their gradient is exactly 0. */
export function cancelledBiases(graph: NetworkGraph, kind: "instanceNorm" | "batchNorm"): ReadonlySet<string> {
  const normalised = new Set(graph.nodes.flatMap((n) => (n.kind === kind ? [n.input.id] : [])));
  return new Set(
    graph.nodes.flatMap((n) =>
      n.kind === "conv" && n.bias !== undefined && normalised.has(n.output.id) ? [n.bias] : [],
    ),
  );
}

/** [n, channel, (z,) y, x] → [n, (z,) y, x, channel] */
export function channelsLast(tf: Tf, x: Tensor): Tensor {
  return tf.transpose(x, [0, ...x.shape.slice(2).map((_, axis) => axis + 2), 1]);
}

function channelsFirst(tf: Tf, x: Tensor): Tensor {
  return tf.transpose(x, [0, x.rank - 1, ...x.shape.slice(2).map((_, axis) => axis + 1)]);
}

function compute(
  tf: Tf,
  node: NetworkNode,
  imageId: number,
  parameters: ReadonlyMap<string, Tensor>,
  value: (id: number) => Tensor,
  seen: Map<string, Tensor> | undefined,
): Tensor {
  const parameter = (name: string) => parameters.get(name)!;
  const optional = (name: string | undefined) => (name === undefined ? undefined : parameters.get(name));
  switch (node.kind) {
    case "conv":
      return convolution(
        tf,
        value(node.input.id),
        parameter(node.weight),
        optional(node.bias),
        node,
        node.input.id === imageId,
      );
    case "instanceNorm":
      return instanceNorm(tf, value(node.input.id), parameter(node.scale), parameter(node.bias), node.epsilon);
    case "batchNorm": {
      const [x, scale, bias] = [value(node.input.id), parameter(node.scale), parameter(node.bias)];
      if (!seen) {
        const averages = { mean: parameter(node.mean), variance: parameter(node.variance) };
        return batchNormByAverages(tf, x, scale, bias, averages, node.epsilon);
      }
      return batchNorm(tf, x, scale, bias, node.epsilon, (mean, variance) => {
        seen.set(node.mean, tf.keep(mean)).set(node.variance, tf.keep(variance));
      });
    }
    case "leakyRelu":
      return leakyRelu(tf, value(node.input.id), node.slope);
    case "upConv":
      return upConv(tf, value(node.input.id), parameter(node.weight), optional(node.bias), node.stride);
    case "concat":
      return concat(
        tf,
        node.inputs.map((f) => value(f.id)),
      );
    case "add":
      return add(tf, value(node.inputs[0].id), value(node.inputs[1].id));
    case "averagePool":
      return averagePool(tf, value(node.input.id), node.stride);
  }
}

function inputIds(node: NetworkNode): number[] {
  return node.kind === "concat" || node.kind === "add" ? node.inputs.map((f) => f.id) : [node.input.id];
}

/** The last node that reads each feature. */
function lastUses(nodes: readonly NetworkNode[]): Map<number, NetworkNode> {
  return new Map(nodes.flatMap((node) => inputIds(node).map((id) => [id, node] as const)));
}
