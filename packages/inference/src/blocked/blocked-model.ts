import { foldAverage, hasBlockedForm, writeBlockedModel } from "@nnunet/unet-model";
import type { ModelMetadata } from "@nnunet/core";
import type { Graph } from "../guard/read-graph.ts";
import type { SessionFactory } from "../network-session.ts";
import type { BlockedModel } from "./kernel-choice.ts";
import { blockSize } from "./block-size.ts";
import { recogniseNetwork } from "./recognise-network.ts";

/** Rewrites a model for the blocked kernels of this CPU, see `writeBlockedModel`. */
export async function blockedModel(
  graph: Graph,
  metadata: ModelMetadata,
  createSession: SessionFactory,
): Promise<BlockedModel> {
  const block = await blockSize(createSession);
  if (block === undefined) return { reason: "this CPU or this build of onnxruntime has no channel-blocked kernels" };
  const recognised = recogniseNetwork(graph, metadata);
  if (!recognised) return { reason: "the file is not the network of its plan as this version writes it" };
  const { network, folds } = recognised;
  if (!hasBlockedForm(network, block)) return { reason: `its channels fill no blocks of ${block}` };
  return { bytes: writeBlockedModel(network, folds, foldAverage(metadata), block), block };
}
