import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import {
  FileError,
  inputChannels,
  InvalidArgumentError,
  InvalidArtifactError,
  isNnunetError,
  labelSet,
  type ModelDataset,
  modelDatasetFromJson,
  type Plans,
  ShapeMismatchError,
} from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { buildNetwork, type ExportMetadata } from "@nnunet/unet-model";
import { type RandomAccess, withRandomAccess } from "../bytes/random-access.ts";
import { fileSha256 } from "./file-sha256.ts";
import type { ImportedModel } from "./imported-model.ts";
import { readV1Description, readV1Fold } from "./v1-model.ts";
import { type Bundle, readBundleJson, withBundle } from "./bundle.ts";
import { type Fold, foldFiles, type ModelPlace, modelPlaces, onlyPlace } from "./model-places.ts";
import { readNetworkWeights } from "./network-weights.ts";
import { predictionPlans } from "./prediction-plans.ts";
import { hasBatchNorms, openV2Checkpoint, type V2Checkpoint } from "./v2-checkpoint.ts";

export interface ImportOptions {
  /** Without: those of the cross-validation. */
  readonly folds?: readonly Fold[] | undefined;
  /** Of a folder or archive with several models: the configuration that is meant. */
  readonly configuration?: string | undefined;
  /** Name of the checkpoint's file in each fold; `checkpoint_final.pth`, of nnU-Net v1 `model_final_checkpoint.model`. */
  readonly checkpoint?: string | undefined;
  readonly softwareVersion: string;
}

/**
 * Reads a model of Python nnU-Net: its folder, a folder or zip archive with one such folder somewhere in it, or a single
 * checkpoint. Nothing in it is executed.
 *
 * @throws {FileError} if there is no model, a fold or a file of it is missing
 * @throws {InvalidArtifactError | ShapeMismatchError} if a file is damaged, is something else, or they do not fit together
 * @example
 * const model = await importModel("Dataset004_Hippocampus/nnUNetTrainer__nnUNetPlans__3d_fullres", { softwareVersion });
 * await writeFileAtomic("model.onnx", importedOnnx(model));
 */
export async function importModel(path: string, options: ImportOptions): Promise<ImportedModel> {
  if (options.folds && new Set(options.folds).size < options.folds.length) {
    throw new InvalidArgumentError("fold", "every fold once", options.folds);
  }
  if (path.endsWith(".pth")) return importCheckpoint(path, options);
  return withBundle(path, (bundle) => importFolder(bundle, options));
}

/**
 * The first network of a cascade, whose second one `importModel` read from `path`: from the same archive or folder, or from
 * the folder beside it that nnU-Net names by the configuration. Its folds are those of its cross-validation.
 *
 * @returns undefined for a model that is no second network
 * @throws {FileError} if it is not there
 */
export async function importPrevious(
  path: string,
  { metadata }: ImportedModel,
  options: Pick<ImportOptions, "softwareVersion">,
): Promise<ImportedModel | undefined> {
  const { plans, configuration } = metadata;
  const first = plans.configurations[configuration]!.previousConfiguration;
  if (first === undefined) return undefined;
  const folder = path.endsWith(".pth") ? dirname(dirname(resolve(path))) : resolve(path);
  const suffix = `__${configuration}`;
  const beside = folder.endsWith(suffix) ? `${folder.slice(0, -suffix.length)}__${first}` : undefined;
  if (beside !== undefined && (await exists(beside))) return importModel(beside, { ...options, configuration: first });
  const places = path.endsWith(".pth") ? [] : await withBundle(path, async (bundle) => modelPlaces(bundle));
  if (places.some(({ prefix }) => prefix.endsWith(`__${first}/`))) {
    return importModel(path, { ...options, configuration: first });
  }
  const where = beside === undefined ? "" : `: expected ${beside}`;
  throw new FileError(path, `is the second network of a cascade, and the first, ${first}, is not beside it${where}`);
}

/** Whether a path leads to a model of Python nnU-Net, or something that its users would take for one. */
export async function isForeignModel(path: string): Promise<boolean> {
  if (/\.(pth|zip)$/.test(path)) return true;
  const found = await stat(path).catch(() => undefined);
  return (found?.isDirectory() ?? false) && withBundle(path, async (bundle) => modelPlaces(bundle).length > 0);
}

async function importFolder(bundle: Bundle, options: ImportOptions): Promise<ImportedModel> {
  const place = onlyPlace(bundle, options.configuration);
  if (place.version === 1) return importV1Folder(bundle, place, options);
  const files = foldFiles(bundle, place, options.folds, options.checkpoint ?? "checkpoint_final.pth");
  const [plans, dataset] = await Promise.all(
    ["plans.json", "dataset.json"].map(async (name) => {
      const file = `${place.prefix}${name}`;
      if (bundle.names.includes(file)) return readBundleJson(bundle, file);
      const remedy = `copy it from where the model was trained, or import ${files[0]![1]} alone, which carries its own`;
      throw new FileError(
        `${bundle.path}/${file}`,
        `is missing, and a model cannot be understood without it; ${remedy}`,
      );
    }),
  );
  const described = {
    plans,
    dataset,
    plansPath: `${bundle.path}/${place.prefix}plans.json`,
    datasetPath: `${bundle.path}/${place.prefix}dataset.json`,
  };
  return joinedFolds(bundle, files, (fold, name) =>
    bundle.open(name, (source) => readFold(source, described, fold, name.slice(place.prefix.length), options)),
  );
}

/** The folds of a model, read one after the other, as one. */
async function joinedFolds(
  bundle: Bundle,
  files: ReturnType<typeof foldFiles>,
  read: (fold: Fold, name: string) => Promise<ImportedModel>,
): Promise<ImportedModel> {
  let model: ImportedModel | undefined;
  for (const [fold, name] of files) {
    const next = await read(fold, name);
    model = model ? joined(model, next, `${bundle.path}/${name}`) : next;
  }
  return model!;
}

async function importV1Folder(bundle: Bundle, place: ModelPlace, options: ImportOptions): Promise<ImportedModel> {
  const files = foldFiles(bundle, place, options.folds, options.checkpoint ?? "model_final_checkpoint.model");
  const datasetFile = `${place.prefix}dataset.json`;
  const dataset = bundle.names.includes(datasetFile) ? await readBundleJson(bundle, datasetFile) : undefined;
  return joinedFolds(bundle, files, async (fold, name) => {
    if (!bundle.names.includes(`${name}.pkl`)) {
      throw new FileError(
        `${bundle.path}/${name}.pkl`,
        "is missing, and a model of nnU-Net v1 cannot be understood without it",
      );
    }
    const description = await bundle.open(`${name}.pkl`, (source) => readV1Description(source, dataset));
    return bundle.open(name, (source) =>
      readV1Fold(source, description, fold, name.slice(place.prefix.length), options.softwareVersion),
    );
  });
}

/** A checkpoint in its model's folder is read by the plans there, as nnU-Net itself does; any other by those in it. */
async function importCheckpoint(path: string, options: ImportOptions): Promise<ImportedModel> {
  if (options.folds)
    throw new InvalidArgumentError("fold", `no fold beside ${path}, which is one checkpoint`, options.folds);
  const above = dirname(dirname(path));
  if (
    /^fold_(\d+|all)$/.test(basename(dirname(path))) &&
    (await exists(`${above}/plans.json`)) &&
    (await exists(`${above}/dataset.json`))
  ) {
    const name = basename(dirname(path)).slice("fold_".length);
    const folds: Fold[] = [name === "all" ? "all" : Number(name)];
    return importModel(above, { ...options, folds, checkpoint: basename(path) });
  }
  return withRandomAccess(path, (source) => readFold(source, undefined, undefined, basename(path), options));
}

interface Described {
  readonly plans: unknown;
  readonly dataset: unknown;
  readonly plansPath: string;
  readonly datasetPath: string;
}

async function readFold(
  source: RandomAccess,
  given: Described | undefined,
  fold: Fold | undefined,
  name: string,
  { softwareVersion }: ImportOptions,
): Promise<ImportedModel> {
  const checkpoint = await openV2Checkpoint(source);
  const described = given ?? ownDescription(checkpoint, source.path);
  const normed = hasBatchNorms(checkpoint.state);
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
  const weights = await readNetworkWeights(graph, checkpoint.state, form, checkpoint.file, source.path, whose).catch(
    (error: unknown) => {
      throw withTrainer(error, checkpoint.trainer);
    },
  );
  const beyond = checkpoint.mirrorAxes.find((axis) => axis >= configuration.patchSize.length);
  if (beyond !== undefined) {
    const problem = `names axis ${beyond}, but the patch has ${configuration.patchSize.length} axes`;
    throw new InvalidArtifactError(source.path, "inference_allowed_mirroring_axes", problem);
  }
  const { asksFor } = checkpoint.file;
  const warning = `${source.path} asks for ${asksFor.join(", ")}, as no checkpoint of nnU-Net does; nothing of it was called, but ask where the file comes from`;
  return {
    graph,
    weights: [weights],
    warnings: asksFor.length > 0 ? [warning] : [],
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

/** Trainers may build another network than their plans say; then the name of the trainer is the explanation. */
function withTrainer(error: unknown, trainer: string): unknown {
  if (/^nnUNetTrainer(_\d+epochs?)?$/.test(trainer)) return error;
  const remark = `, or its trainer ${trainer} builds one of its own, which is not read`;
  if (isNnunetError(error, "INVALID_ARTIFACT") && error.problem.endsWith("another network")) {
    return new InvalidArtifactError(error.path, error.field, error.problem + remark);
  }
  if (isNnunetError(error, "SHAPE_MISMATCH")) {
    return new ShapeMismatchError(error.subject, error.expected, error.received, error.hint + remark);
  }
  return error;
}

/** One more fold of the same model. */
function joined(model: ImportedModel, next: ImportedModel, path: string): ImportedModel {
  const [a, b] = [model.metadata, next.metadata];
  if (a.configuration !== b.configuration || String(a.mirrorAxes) !== String(b.mirrorAxes)) {
    const said = (m: ExportMetadata) => `${m.configuration}, mirrored along [${m.mirrorAxes.join(", ")}]`;
    const problem = `was trained as ${said(b)}, the fold before as ${said(a)}; import them one by one`;
    throw new InvalidArtifactError(path, "init_args.configuration", problem);
  }
  return {
    graph: model.graph,
    weights: [...model.weights, ...next.weights],
    warnings: [...model.warnings, ...next.warnings],
    metadata: {
      ...a,
      folds: [...a.folds, ...b.folds],
      origin: { ...a.origin, files: [...a.origin.files, ...b.origin.files] },
    },
  };
}
