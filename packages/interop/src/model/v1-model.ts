import { inputChannels, InvalidArtifactError, labelSet } from "@nnunet/core";
import { buildNetwork } from "@nnunet/unet-model";
import type { RandomAccess } from "../bytes/random-access.ts";
import { PickleDict } from "../pickle/pickle-values.ts";
import { unpickle } from "../pickle/unpickle.ts";
import { openTorchFile } from "../torch/open-torch-file.ts";
import { torchConstructors } from "../torch/torch-file.ts";
import type { ImportedFold } from "./imported-model.ts";
import { fileSha256 } from "./file-sha256.ts";
import { readNetworkWeights } from "./network-weights.ts";
import { readStateDict, type StateDict } from "./state-dict.ts";
import { isMirroredByV1 } from "./trainers.ts";
import { describeV1, type V1Description } from "./v1-plans.ts";

const longestPickle = 256 * 2 ** 20;

/** Reads the `.model.pkl` beside a checkpoint of nnU-Net v1. */
export async function readV1Description(
  source: RandomAccess,
  datasetJson: unknown,
  asPlanned: boolean,
): Promise<V1Description> {
  if (source.size > longestPickle)
    throw new InvalidArtifactError(source.path, "", "is too large for a description of nnU-Net v1");
  const bytes = await source.read(0, source.size);
  const { value } = unpickle(bytes, source.path, { construct: torchConstructors(new Set()) });
  return describeV1(value, source.path, datasetJson, asPlanned);
}

/**
 * One fold of a model of nnU-Net v1: `model_final_checkpoint.model`.
 *
 * @throws {InvalidArtifactError | ShapeMismatchError} if it is damaged, or of another network than its description says
 */
export async function readV1Fold(
  source: RandomAccess,
  description: V1Description,
  fold: number | "all",
  name: string,
  softwareVersion: string,
): Promise<ImportedFold> {
  const file = await openTorchFile(source);
  const content = file.value;
  if (!(content instanceof PickleDict))
    throw new InvalidArtifactError(source.path, "", "is no checkpoint of nnU-Net v1");
  const { plans, configuration, dataset, trainer, warnings } = description;
  const { architecture, patchSize } = plans.configurations[configuration]!;
  const graph = buildNetwork(architecture, {
    inputChannels: inputChannels({ plans, dataset, configuration }),
    outputChannels: labelSet(dataset).outputChannels,
    patchSize,
  });
  const state = renamed(
    readStateDict(content.get("state_dict"), source.path, "state_dict"),
    architecture.strides.length - 1,
  );
  const form = { isPlainNorm: false };
  const weights = await readNetworkWeights(graph, state, form, file, source.path, "its plans, or its trainer,");
  const epochs = content.get("epoch");
  const mirrorAxes = isMirroredByV1(trainer) ? patchSize.map((_, axis) => axis) : [];
  return {
    graph,
    weights: [weights],
    warnings,
    foldFolders: [],
    training: { trainer, configuration, mirrorAxes, plans, dataset },
    metadata: {
      plans,
      dataset,
      configuration,
      folds: [fold],
      mirrorAxes,
      softwareVersion,
      origin: {
        tool: "nnU-Net v1",
        trainer,
        files: [{ name, sha256: await fileSha256(source), ...(typeof epochs === "number" && { epochs }) }],
      },
    },
  };
}

/**
 * The names of v2 for v1's weights. Every block of v1 is a stack of layers; the lowest resolution, and each of the decoder,
 * is two stacks, of which the second has one layer.
 *
 * @param pools - resolutions below the first
 */
function renamed(state: StateDict, pools: number): StateDict {
  const found = new Map<string, StateDict extends ReadonlyMap<string, infer V> ? V : never>();
  const lengths = new Map<string, number>();
  for (const name of state.keys()) {
    const [, stack, layer] = /^(conv_blocks_\w+\.\d+\.0)\.blocks\.(\d+)\./.exec(name) ?? [];
    if (stack !== undefined) lengths.set(stack, Math.max(lengths.get(stack) ?? 0, Number(layer) + 1));
  }
  for (const [name, value] of state) {
    const [, side, stage, stack, layer, part, kind] =
      /^conv_blocks_(context|localization)\.(\d+)\.(?:([01])\.)?blocks\.(\d+)\.(conv|instnorm)\.(weight|bias)$/.exec(
        name,
      ) ?? [];
    if (side !== undefined) {
      const before = stack === "1" ? (lengths.get(`conv_blocks_${side}.${stage}.0`) ?? 0) : 0;
      const index = before + Number(layer);
      const block = side === "context" ? `encoder.stages.${stage}.0` : `decoder.stages.${stage}`;
      found.set(`${block}.convs.${index}.${part === "conv" ? "conv" : "norm"}.${kind}`, value);
      continue;
    }
    const [, up] = /^tu\.(\d+)\.weight$/.exec(name) ?? [];
    const [, head] = /^seg_outputs\.(\d+)\.weight$/.exec(name) ?? [];
    const isKnown = Number(up ?? head) < pools;
    found.set(
      !isKnown ? name : up === undefined ? `decoder.seg_layers.${head}.weight` : `decoder.transpconvs.${up}.weight`,
      value,
    );
  }
  return found;
}
