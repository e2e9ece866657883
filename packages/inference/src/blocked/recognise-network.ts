import { type Architecture, inputChannels, isNnunetError, labelSet, type ModelMetadata } from "@nnunet/core";
import {
  addNetworkNodes,
  buildNetwork,
  foldAverage,
  nameInFold,
  type NetworkGraph,
  type NetworkSize,
  type OnnxAttribute,
  OnnxGraph,
  type OnnxNode,
  type Weights,
  type WeightTensor,
} from "@nnunet/unet-model";
import type { Graph, GraphNode } from "../guard/read-graph.ts";
import { floatsOf } from "../guard/read-weight.ts";

/** A model.onnx as the network of its plan. */
export interface RecognisedNetwork {
  readonly network: NetworkGraph;
  /** The weights of each fold. */
  readonly folds: readonly Weights[];
}

/**
 * The network that the plan of a model describes, with the weights of the file, if the file holds that network node by
 * node as this version writes it; undefined for any other, which then runs as it stands.
 */
export function recogniseNetwork(graph: Graph, metadata: ModelMetadata): RecognisedNetwork | undefined {
  const { architecture, patchSize } = metadata.plans.configurations[metadata.configuration]!;
  const { outputChannels } = labelSet(metadata.dataset);
  const size = { inputChannels: inputChannels(metadata), outputChannels, patchSize };
  const network = networkOf(architecture, size);
  if (!network) return undefined;
  const written = new OnnxGraph("expected");
  addNetworkNodes(written, network, metadata.folds.length, foldAverage(metadata));
  const isSame = written.nodes.length === graph.nodes.length && written.nodes.every((n, i) => same(n, graph.nodes[i]!));
  if (!isSame || written.constants.some(({ name, bytes }) => !sameBytes(bytes, graph.weights.get(name)?.bytes))) {
    return undefined;
  }
  const folds: Weights[] = [];
  for (let fold = 0; fold < metadata.folds.length; fold++) {
    const weights = new Map<string, WeightTensor>();
    for (const { name, shape } of network.parameters) {
      const stored = graph.weights.get(nameInFold(name, fold, metadata.folds.length));
      if (!stored) continue; // of a head that the export leaves out
      if (stored.type !== "float32" || stored.shape.join() !== shape.join()) return undefined;
      // copied where it is used: all weights at once would lie in memory a second time
      weights.set(name, {
        shape,
        get data() {
          return floatsOf(stored);
        },
      });
    }
    folds.push(weights);
  }
  return { network, folds };
}

/** Undefined where the plan's architecture makes no network: a model may be something else altogether. */
function networkOf(architecture: Architecture, size: NetworkSize): NetworkGraph | undefined {
  try {
    return buildNetwork(architecture, size);
  } catch (error) {
    if (isNnunetError(error)) return undefined;
    throw error;
  }
}

function same({ op, domain, inputs, outputs, attributes }: OnnxNode, node: GraphNode): boolean {
  const names = Object.keys(attributes);
  return (
    domain === "" &&
    op === node.operator &&
    inputs.join("\n") === node.inputs.join("\n") &&
    outputs.join("\n") === node.output &&
    names.length === node.attributes.size &&
    names.every((name) => sameAttribute(attributes[name]!, node.attributes.get(name)))
  );
}

function sameAttribute(written: OnnxAttribute, found: unknown): boolean {
  if (typeof written === "object" && "float" in written) return Math.fround(written.float) === found;
  return JSON.stringify(written) === JSON.stringify(found);
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((value, i) => value === b[i]);
}
