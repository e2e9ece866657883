import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError, InvalidArgumentError, InvalidArtifactError } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { withRandomAccess } from "../bytes/random-access.ts";
import type { ImportedFold, ImportedModel } from "./imported-model.ts";
import { readV1Description, readV1Fold } from "./v1-model.ts";
import { foldDifference } from "./fold-agreement.ts";
import { type Bundle, readBundleJson, withBundle } from "./bundle.ts";
import { type Fold, foldFiles, type ModelPlace, modelPlaces, onlyPlace } from "./model-places.ts";
import { readV2Fold } from "./v2-fold.ts";

export interface ImportOptions {
  /** Without: those of the cross-validation. */
  readonly folds?: readonly Fold[] | undefined;
  /** Of a folder or archive with several models: the configuration that is meant. */
  readonly configuration?: string | undefined;
  /** Name of the checkpoint's file in each fold; `checkpoint_final.pth`, of nnU-Net v1 `model_final_checkpoint.model`. */
  readonly checkpoint?: string | undefined;
  /** An unfamiliar trainer is taken to build the network of its plans: to have changed the training alone. */
  readonly asPlanned?: boolean | undefined;
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
  { softwareVersion, asPlanned }: Pick<ImportOptions, "softwareVersion" | "asPlanned">,
): Promise<ImportedModel | undefined> {
  const options = { softwareVersion, asPlanned };
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
    bundle.open(name, (source) => readV2Fold(source, described, fold, name.slice(place.prefix.length), options)),
  );
}

/** The folds of a model, read one after the other, as one. */
async function joinedFolds(
  bundle: Bundle,
  files: ReturnType<typeof foldFiles>,
  read: (fold: Fold, name: string) => Promise<ImportedFold>,
): Promise<ImportedModel> {
  let model: ImportedFold | undefined;
  for (const [fold, name] of files) {
    const next = {
      ...(await read(fold, name)),
      foldFolders: bundle.isFolder ? [dirname(join(bundle.path, name))] : [],
    };
    model = model ? joined(model, next, `${bundle.path}/${name}`) : next;
  }
  const { training: _, ...whole } = model!;
  return whole;
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
    const description = await bundle.open(`${name}.pkl`, (source) =>
      readV1Description(source, dataset, options.asPlanned ?? false),
    );
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
  return withRandomAccess(path, async (source) => {
    const { training: _, ...model } = await readV2Fold(source, undefined, undefined, basename(path), options);
    return model;
  });
}

/** One more fold of the same model. */
function joined(model: ImportedFold, next: ImportedFold, path: string): ImportedFold {
  const difference = foldDifference(model.training, next.training);
  if (difference !== undefined) {
    const problem = `was trained ${difference}: their mean is no model; name one of them by \`folds\``;
    throw new InvalidArtifactError(path, "init_args", problem);
  }
  const [a, b] = [model.metadata, next.metadata];
  return {
    ...model,
    weights: [...model.weights, ...next.weights],
    foldFolders: [...model.foldFolders, ...next.foldFolders],
    warnings: [...new Set([...model.warnings, ...next.warnings])],
    metadata: {
      ...a,
      folds: [...a.folds, ...b.folds],
      origin: { ...a.origin, files: [...a.origin.files, ...b.origin.files] },
    },
  };
}
