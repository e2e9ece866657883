import { basename } from "node:path";
import {
  inputChannels,
  InvalidArtifactError,
  labelSet,
  type ModelDataset,
  modelDatasetFromJson,
  type Plans,
} from "@nnunet/core";
import { buildNetwork } from "@nnunet/unet-model";
import type { RandomAccess } from "../bytes/random-access.ts";
import { fileSha256 } from "./file-sha256.ts";
import { descriptionDifference, type FoldTraining } from "./fold-agreement.ts";
import type { ImportedFold } from "./imported-model.ts";
import type { Fold } from "./model-places.ts";
import { readNetworkWeights } from "./network-weights.ts";
import { predictionPlans } from "./prediction-plans.ts";
import { checkTrainer, v2TrainedNetwork } from "./trainers.ts";
import { hasBatchNorms, openV2Checkpoint, type V2Checkpoint } from "./v2-checkpoint.ts";

/** What a checkpoint is read by. */
export interface Described {
  readonly plans: unknown;
  readonly dataset: unknown;
  readonly plansPath: string;
  readonly datasetPath: string;
}

/**
 * One fold of a model of nnU-Net v2: its checkpoint.
 *
 * @param given - plans and dataset.json of its model folder; without, those that it carries
 * @param name - of the file, as the model's origin tells it
 * @throws {InvalidArtifactError | ShapeMismatchError} if it is damaged, or is of another network than plans and dataset say
 */
export async function readV2Fold(
  source: RandomAccess,
  given: Described | undefined,
  fold: Fold | undefined,
  name: string,
  {
    softwareVersion,
    asPlanned = false,
  }: { readonly softwareVersion: string; readonly asPlanned?: boolean | undefined },
): Promise<ImportedFold> {
  const checkpoint = await openV2Checkpoint(source);
  const described = given ?? ownDescription(checkpoint, source.path);
  const network = v2TrainedNetwork(checkpoint.trainer);
  const unfamiliar = checkTrainer(network, checkpoint.trainer, {
    path: source.path,
    field: "trainer_name",
    asPlanned,
  });
  const normed = network === "batch norm" || (network === "unknown" && hasBatchNorms(checkpoint.state));
  const { plans, configuration, form } = predictionPlans(
    described.plans,
    checkpoint.configuration,
    described.plansPath,
    normed,
  );
  const dataset = modelDatasetFromJson(described.dataset, described.datasetPath);
  checkChannels(plans, checkpoint.configuration, dataset, described);
  const size = {
    inputChannels: inputChannels({ plans, dataset, configuration: checkpoint.configuration }),
    outputChannels: labelSet(dataset).outputChannels,
    patchSize: configuration.patchSize,
  };
  checkHeads(checkpoint, size.outputChannels, described, source.path);
  const graph = buildNetwork(configuration.architecture, size);
  const whose = given ? "plans.json and dataset.json" : "its own plans";
  const weights = await readNetworkWeights(graph, checkpoint.state, form, checkpoint.file, source.path, whose);
  const beyond = checkpoint.mirrorAxes.find((axis) => axis >= configuration.patchSize.length);
  if (beyond !== undefined) {
    const problem = `names axis ${beyond}, but the patch has ${configuration.patchSize.length} axes`;
    throw new InvalidArtifactError(source.path, "inference_allowed_mirroring_axes", problem);
  }
  const training = trainingOf(checkpoint, normed);
  const edited = given && descriptionDifference(training, { plans, dataset });
  const editedWarning = `${source.path} was trained with other ${edited} than ${edited === "labels" ? described.datasetPath : described.plansPath} has, by which it is read, as nnU-Net does`;
  const { asksFor } = checkpoint.file;
  const warning = `${source.path} asks for ${asksFor.join(", ")}, as no checkpoint of nnU-Net does; nothing of it was called, but ask where the file comes from`;
  return {
    graph,
    weights: [weights],
    training,
    foldFolders: [],
    warnings: [
      ...(asksFor.length > 0 ? [warning] : []),
      ...(unfamiliar === undefined ? [] : [unfamiliar]),
      ...(edited === undefined ? [] : [editedWarning]),
    ],
    metadata: {
      plans,
      dataset,
      configuration: checkpoint.configuration,
      folds: [fold ?? checkpoint.fold ?? "all"],
      mirrorAxes: checkpoint.mirrorAxes,
      softwareVersion,
      origin: {
        tool: "nnU-Net v2",
        trainer: checkpoint.trainer,
        files: [
          {
            name,
            sha256: await fileSha256(source),
            ...(checkpoint.epochs !== undefined && { epochs: checkpoint.epochs }),
          },
        ],
      },
    },
  };
}

/** What the checkpoint itself says; plans and dataset that cannot be read are of no use for a comparison. */
function trainingOf(
  { trainer, configuration, mirrorAxes, plans, dataset }: V2Checkpoint,
  normed: boolean,
): FoldTraining {
  const readable = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch {
      return undefined;
    }
  };
  return {
    trainer,
    configuration,
    mirrorAxes,
    plans: readable(() => predictionPlans(plans, configuration, "init_args.plans", normed).plans),
    dataset: readable(() => modelDatasetFromJson(dataset, "init_args.dataset_json")),
  };
}

function ownDescription({ plans, dataset }: V2Checkpoint, path: string): Described {
  for (const [key, value] of Object.entries({ plans, dataset_json: dataset })) {
    if (value !== undefined) continue;
    const problem =
      "is missing; put the checkpoint into fold_0 of a folder with its plans.json and dataset.json, and import that";
    throw new InvalidArtifactError(path, `init_args.${key}`, problem);
  }
  return { plans, dataset, plansPath: `${path} → init_args.plans`, datasetPath: `${path} → init_args.dataset_json` };
}

function checkChannels(plans: Plans, name: string, dataset: ModelDataset, { plansPath, datasetPath }: Described): void {
  const planned = plans.configurations[name]!.normalizationSchemes.length;
  const there = dataset.channelNames.length;
  if (planned === there) return;
  throw new InvalidArtifactError(
    datasetPath,
    "channel_names",
    `lists ${there} channels, but ${basename(plansPath)} normalises ${planned}; they belong to different datasets`,
  );
}

/** The last layer says most clearly that a dataset.json is of another dataset. */
function checkHeads({ state }: V2Checkpoint, outputs: number, { datasetPath }: Described, path: string): void {
  for (const [name, { tensor }] of state) {
    if (!/^decoder\.seg_layers\.\d+\.weight$/.test(name) || tensor.shape[0] === outputs) continue;
    const problem = `means ${outputs} classes or regions, but ${path} was trained for ${tensor.shape[0]} (${name} has shape [${tensor.shape.join(", ")}])`;
    throw new InvalidArtifactError(datasetPath, "labels", `${problem}; they belong to different datasets`);
  }
}
