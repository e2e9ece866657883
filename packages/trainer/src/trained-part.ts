import { type NetworkGraph, nodesFor, parametersOf, type Weights, type WeightTensor } from "@nnunet/unet-model";

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

/** The parameters of heads that the loss leaves out; a training leaves them as they are. */
export function untrainedWeights({ parameters }: NetworkGraph, weights: Weights): Map<string, WeightTensor> {
  const trained = new Set(parameters.map(({ name }) => name));
  return new Map([...weights].filter(([name]) => !trained.has(name)));
}
