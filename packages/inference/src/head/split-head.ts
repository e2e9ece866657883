import { elementCount } from "@nnunet/core";
import {
  addForwardNode,
  addNetworkNodes,
  type NetworkGraph,
  nodesFor,
  OnnxGraph,
  parametersOf,
  type Weights,
} from "@nnunet/unet-model";

type Convolution = Extract<NetworkGraph["nodes"][number], { kind: "conv" }>;

/** A network in two: everything up to its last features, and the convolution that makes classes of them. */
export interface SplitNetwork {
  /** Its output are the features that the head reads. */
  readonly trunk: NetworkGraph;
  readonly head: Convolution;
}

/**
 * Takes the head off a network that has more classes than features before them: then the features are the smaller thing to
 * keep, and the head, which sees voxel by voxel, can be computed some planes at a time.
 *
 * @returns undefined where the network has no such head, or the answer as a whole is the smaller of the two
 */
export function splitHead(network: NetworkGraph): SplitNetwork | undefined {
  const output = network.outputs[0]!;
  const head = network.nodes.find((node) => node.output.id === output.id);
  if (head?.kind !== "conv" || elementCount(head.kernel) !== 1 || elementCount(head.stride) !== 1) return undefined;
  if (output.channels <= head.input.channels || head.input.id === network.input.id) return undefined;
  return { trunk: { ...network, outputs: [head.input] }, head };
}

/** The trunk in plain operators; as in every network of ours, what comes out is called "logits". */
export function writeTrunk({ trunk }: SplitNetwork, weights: Weights): Uint8Array {
  const onnx = new OnnxGraph("nnunet-trunk");
  const [features] = trunk.outputs;
  const { channels, spatial } = trunk.input;
  onnx.input("input", "float32", [1, channels, ...spatial]);
  storeWeights(onnx, nodesFor(trunk, [features!.id]), weights);
  addNetworkNodes(onnx, trunk, 1, "logits");
  onnx.output("logits", "float32", [1, features!.channels, ...features!.spatial]);
  return onnx.encode();
}

/** The head for any number of planes (lines of a 2D network): [1, feature, n, …] → [1, class or region, n, …]. */
export function writeHead({ head }: SplitNetwork, weights: Weights): Uint8Array {
  const onnx = new OnnxGraph("nnunet-head");
  const [, ...inPlane] = head.input.spatial;
  onnx.input("input", "float32", [1, head.input.channels, "n", ...inPlane]);
  storeWeights(onnx, [head], weights);
  addForwardNode(onnx, head, () => "input", "logits");
  onnx.output("logits", "float32", [1, head.output.channels, "n", ...inPlane]);
  return onnx.encode();
}

function storeWeights(onnx: OnnxGraph, nodes: readonly NetworkGraph["nodes"][number][], weights: Weights): void {
  for (const name of nodes.flatMap(parametersOf)) {
    const { data, shape } = weights.get(name)!;
    onnx.weight(name, data, shape);
  }
}
