import type { NetworkGraph } from "../network-graph.ts";
import type { Weights, WeightTensor } from "../weights.ts";
import { channelPlanes } from "./channel-planes.ts";
import { classRows } from "./class-rows.ts";
import { nameInSource } from "./name-in-source.ts";
import type { NetworkMeaning } from "./network-meaning.ts";
import { copied, otherShape, sameShape, type Transferred } from "./transferred-tensor.ts";

/** A trained network whose weights another begins with. */
export interface TrainedNetwork extends NetworkMeaning {
  readonly weights: Weights;
}

/** What became of one weight of the new network. */
export interface TransferredWeight {
  readonly name: string;
  readonly is: "copied" | "adapted" | "initialised";
  /** Of one that was not just copied: what was done, or why nothing fitted. */
  readonly why?: string;
}

export interface Transfer {
  /** All weights of the new network. */
  readonly weights: Weights;
  /** In the order of the network. */
  readonly table: readonly TransferredWeight[];
}

/**
 * The weights of a network, taken from a trained one wherever they fit.
 *
 * A weight fits where the trained network has one of its name and shape. Stages of a decoder are numbered from the deepest
 * up; they are matched by resolution, so that a deeper or shallower network keeps what it shares. The first convolution is
 * put together by the names of the channels, and the heads by the names of the classes. (nnU-Net v2 takes only a model
 * whose weights all have the same shapes, and leaves its heads out.)
 *
 * @param fresh - initial weights of the new network, for what does not fit
 * @example transferWeights(graph, { channels: ["CT"], classes: ["background", "liver"] }, fresh, trained).table[0]?.is; // "copied"
 */
export function transferWeights(
  graph: NetworkGraph,
  meaning: NetworkMeaning,
  fresh: Weights,
  trained: TrainedNetwork,
): Transfer {
  const names = graph.parameters.map(({ name }) => name);
  const first = new Set(
    graph.nodes.flatMap((node) => (node.kind === "conv" && node.input.id === graph.input.id ? [node.weight] : [])),
  );
  const heads = headParameters(graph);
  const weights = new Map<string, WeightTensor>();
  const table: TransferredWeight[] = [];
  for (const name of names) {
    const own = fresh.get(name)!;
    const found = trained.weights.get(nameInSource(name, names, [...trained.weights.keys()]));
    const became = transferred(own, found, first.has(name), heads.has(name), meaning, trained);
    weights.set(name, became.is === "initialised" ? own : became.tensor);
    table.push({ name, is: became.is, ...(became.is !== "copied" && { why: became.why }) });
  }
  return { weights, table };
}

function transferred(
  own: WeightTensor,
  found: WeightTensor | undefined,
  isFirst: boolean,
  isHead: boolean,
  meaning: NetworkMeaning,
  trained: TrainedNetwork,
): Transferred {
  if (found === undefined) return { is: "initialised", why: "the model has no such weight" };
  if (isHead) return classRows(own, found, meaning, trained);
  if (isFirst) return channelPlanes(own, found, meaning, trained);
  return sameShape(own.shape, found.shape) ? copied(found) : otherShape(own.shape, found.shape);
}

/** Weights and biases of the convolutions that make the outputs. */
function headParameters({ nodes, outputs }: NetworkGraph): Set<string> {
  const ids = new Set(outputs.map(({ id }) => id));
  return new Set(
    nodes.flatMap((node) =>
      node.kind === "conv" && ids.has(node.output.id) ? [node.weight, ...(node.bias ? [node.bias] : [])] : [],
    ),
  );
}
