import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import {
  FileError,
  firstNonFinite,
  InvalidArtifactError,
  labelSet,
  type ModelDataset,
  modelDatasetFromJson,
  type Plans,
  plansFromJson,
} from "@nnunet/core";
import { describeFileError, exists, readJson, readRegularFile } from "@nnunet/core/node";
import { readModelWeights } from "@nnunet/inference";
import { readCheckpoint } from "@nnunet/trainer";
import type { NetworkMeaning, TrainedNetwork, Weights } from "@nnunet/unet-model";
import { foldPaths, modelFolderPaths } from "../../folders.ts";
import { contentHash } from "../../records/made-from.ts";

/** A trained network that another begins with. */
export interface Pretrained extends TrainedNetwork {
  /** Of its weights and of what they mean. */
  readonly sha256: string;
  /** "3d_fullres of Dataset004_Hippocampus": no path, no case. */
  readonly from: string;
  /** What is to be known of it, for the log. */
  readonly remark?: string;
}

/**
 * A trained network: a `model.onnx` (also one that was imported), a checkpoint of ours, or the folder of a fold that has one.
 *
 * @throws {FileError} if it is none of them
 * @throws {InvalidArtifactError} if it is damaged
 */
export async function readPretrained(path: string): Promise<Pretrained> {
  const file = await fileOf(path);
  if (file.endsWith(".safetensors")) return fromCheckpoint(file);
  const bytes = await readRegularFile(file);
  const { metadata, weights } = await readModelWeights(bytes, file);
  const { plans, dataset, configuration, folds } = metadata;
  const remark =
    folds.length > 1
      ? `it is the mean of ${folds.length} networks, of which the first is taken (fold ${folds[0]})`
      : undefined;
  return named(file, weights, { plans, dataset, configuration }, remark);
}

/** The file that a path means. */
async function fileOf(path: string): Promise<string> {
  const found = await stat(path).catch((error) => {
    throw describeFileError(path, "there is no model", error);
  });
  const known = /\.(onnx|safetensors)$/;
  if (!found.isDirectory()) {
    if (known.test(path)) return path;
    const remedy = /\.(pth|pt|model|zip)$/.test(path)
      ? "; `importForeign()` makes a model.onnx of a model of nnU-Net v2"
      : "";
    throw new FileError(path, `expected a model.onnx or a checkpoint (….safetensors) to begin with${remedy}`);
  }
  const { checkpoint, model } = foldPaths(path);
  if (await exists(checkpoint)) return checkpoint;
  if (await exists(model)) return model;
  throw new FileError(path, "holds no trained fold; name a model.onnx, a checkpoint, or the folder of one fold");
}

/** A checkpoint names its configuration; what channels and classes are called stands beside its fold. */
async function fromCheckpoint(file: string): Promise<Pretrained> {
  const { weights, settings } = await readCheckpoint(file);
  const paths = modelFolderPaths(dirname(dirname(file)));
  const { configuration } = settings;
  if (!(await exists(paths.plans)) || !(await exists(paths.dataset))) {
    const remark = "its model folder is not around it, so that its channels and classes have no names";
    return checked(file, weights, {}, configuration, remark);
  }
  const plans = plansFromJson(await readJson(paths.plans), paths.plans);
  const dataset = modelDatasetFromJson(await readJson(paths.dataset), paths.dataset);
  return named(file, weights, { plans, dataset, configuration });
}

interface Described {
  readonly plans: Plans;
  readonly dataset: ModelDataset;
  readonly configuration: string;
}

function named(file: string, weights: Weights, described: Described, remark?: string): Pretrained {
  const { plans, configuration } = described;
  return checked(file, weights, meaningOf(described), `${configuration} of ${plans.datasetName}`, remark);
}

/** What channels and outputs of a configuration's network mean. */
export function meaningOf({ plans, dataset, configuration }: Described): Required<NetworkMeaning> {
  const { regions, names, foreground } = labelSet(dataset);
  const previous = plans.configurations[configuration]?.previousConfiguration;
  const found = previous === undefined ? [] : foreground.map((id) => `label ${id} of ${previous}`);
  return {
    channels: [...dataset.channelNames, ...found],
    imageChannels: dataset.channelNames.length,
    classes: regions ? names : classNames(dataset),
    regions: regions !== undefined,
  };
}

/** By the label that each output stands for; labels that dataset.json leaves out have none. */
function classNames(dataset: ModelDataset): string[] {
  const { outputChannels } = labelSet(dataset);
  const byId = new Map(Object.entries(dataset.labels).map(([name, id]) => [Array.isArray(id) ? id[0] : id, name]));
  return Array.from({ length: outputChannels }, (_, id) => (id === 0 ? "background" : (byId.get(id) ?? `label ${id}`)));
}

function checked(
  file: string,
  weights: Weights,
  meaning: NetworkMeaning,
  from: string,
  remark: string | undefined,
): Pretrained {
  const hash = createHash("sha256");
  for (const [name, { data, shape }] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (firstNonFinite(data) >= 0) {
      throw new InvalidArtifactError(file, name, "holds a value that is no finite number; choose another model");
    }
    hash.update(`${name} ${shape.join()}\n`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const sha256 = contentHash([hash.digest("hex"), meaning]);
  return { weights, ...meaning, sha256, from, ...(remark !== undefined && { remark }) };
}
