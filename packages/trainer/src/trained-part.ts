import { type NetworkGraph, nodesFor, parametersOf } from "@nnunet/unet-model";

/** The part of the network that the loss sees: heads of weight 0, and what only they need, are left out. */
export function trainedPart(graph: NetworkGraph, outputWeights: readonly number[]): NetworkGraph {
  const heads = graph.outputs.filter((_, i) => outputWeights[i] !== 0);
  const nodes = nodesFor(
    graph,
    heads.map((f) => f.id),
  );
  const used = new Set(nodes.flatMap(parametersOf));
  return { ...graph, nodes, outputs: heads, parameters: graph.parameters.filter((p) => used.has(p.name)) };
}
