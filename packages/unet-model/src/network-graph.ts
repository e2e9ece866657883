import { elementCount, type NetworkGraph, type NetworkNode } from "@nnunet/core";

export type { Feature, NetworkGraph, NetworkNode, NetworkSize, Parameter } from "@nnunet/core";

/** The parameters that a node reads. */
export function parametersOf(node: NetworkNode): string[] {
  if (node.kind === "instanceNorm") return [node.scale, node.bias];
  if (node.kind === "batchNorm") return [node.scale, node.bias, node.mean, node.variance];
  if (node.kind === "conv" || node.kind === "upConv") return node.bias ? [node.weight, node.bias] : [node.weight];
  return [];
}

/** Number of trainable values. */
export function parameterCount(graph: NetworkGraph): number {
  return graph.parameters.filter((p) => p.trained !== false).reduce((sum, p) => sum + elementCount(p.shape), 0);
}
