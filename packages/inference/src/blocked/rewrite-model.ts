import { foldAverage, hasBlockedForm, writeBlockedModel } from "@nnunet/unet-model";
import type { ModelMetadata } from "@nnunet/core";
import type { Graph } from "../guard/read-graph.ts";
import { splitHead, writeHead, writeTrunk } from "../head/split-head.ts";
import type { SessionFactory } from "../network-session.ts";
import type { RewrittenModel } from "./kernel-choice.ts";
import { blockSize } from "./block-size.ts";
import { recogniseNetwork } from "./recognise-network.ts";

const NO_BLOCKS = "this CPU or this build of onnxruntime has no channel-blocked kernels";

/**
 * Rewrites a model for the blocked kernels of this CPU, see `writeBlockedModel`, and takes the head off it where an answer
 * is larger than the features before it, see `splitHead`.
 */
export async function rewriteModel(
  graph: Graph,
  metadata: ModelMetadata,
  createSession: SessionFactory,
): Promise<RewrittenModel> {
  const block = await blockSize(createSession);
  const recognised = recogniseNetwork(graph, metadata);
  if (!recognised) {
    const reason = "the file is not the network of its plan as this version writes it";
    return { kernels: { reason: block === undefined ? NO_BLOCKS : reason } };
  }
  const { network, folds } = recognised;
  const split = folds.length === 1 ? splitHead(network) : undefined;
  const head = split && { bytes: writeHead(split, folds[0]!), features: split.head.input.channels };
  const body = split?.trunk ?? network;
  if (block !== undefined && hasBlockedForm(body, block)) {
    const bytes = writeBlockedModel(body, folds, foldAverage(metadata), block);
    return { bytes, ...(head && { head }), kernels: { block } };
  }
  const reason = block === undefined ? NO_BLOCKS : `its channels fill no blocks of ${block}`;
  return { ...(split && { bytes: writeTrunk(split, folds[0]!), head: head! }), kernels: { reason } };
}
