import { basename, dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  FileError,
  findConfiguration,
  inputChannels,
  labelSet,
  modelDatasetFromJson,
  modelMetadataFromOnnx,
  plansFromJson,
} from "@nnunet/core";
import { readJson, readRegularFile, writeFileAtomic } from "@nnunet/core/node";
import { readCheckpoint, recipeOf } from "@nnunet/trainer";
import { buildNetwork, type NetworkGraph, type Weights, writeOnnxModel } from "@nnunet/unet-model";
import { type Fold, modelFolderPaths } from "../folders.ts";
import { pairedModel, previousModelFiles } from "../cascade/previous-models.ts";
import { previousStageOfFolds } from "../cascade/recorded-stage.ts";
import { exists } from "../records/made-from.ts";
import { refuseOtherDivisions } from "../training/division.ts";
import { mirroredInTraining } from "../training/mirror-axes.ts";
import { pretrainedName, recordedPretrained } from "../training/pretrained/begin-with.ts";
import { softwareVersion } from "../software-version.ts";

/**
 * The trained folds of a model folder → one `model.onnx` that carries its plans and labels; several folds become
 * one network that averages them.
 *
 * @param modelFolder - `…/nnUNetTrainer__nnUNetPlans__3d_fullres`
 * @param output - replaced if it exists
 * @throws {FileError} if a fold has no finished training, or two are of different divisions of the cases
 */
export async function exportFolds(
  modelFolder: string,
  configurationName: string,
  folds: readonly Fold[],
  output: string,
): Promise<void> {
  const { paths, graph: planned, ...described } = await trainedNetwork(modelFolder, configurationName, folds);
  const configuration = findConfiguration(described.plans, configurationName);
  const previousStage =
    configuration.previousConfiguration === undefined ? undefined : await previousStageOfFolds(paths, folds);
  const weights: Weights[] = [];
  const madeBy: Readonly<Record<string, string>>[] = [];
  const networks: NetworkGraph[] = [];
  const settings: Readonly<Record<string, unknown>>[] = [];
  for (const fold of folds) {
    const checkpoint = await readCheckpoint(paths.fold(fold).checkpoint);
    weights.push(checkpoint.weights);
    const begun = recordedPretrained(checkpoint.pretrained);
    settings.push({ ...recipeOf(checkpoint.settings), ...(begun && { pretrained: pretrainedName(begun) }) });
    madeBy.push(checkpoint.stages ?? {});
    networks.push(checkpoint.network ?? planned);
  }
  const stages = ownStages(madeBy);
  const [graph] = networks;
  const other = networks.findIndex((network) => !isDeepStrictEqual(network, graph));
  if (other >= 0) {
    const problem = `fold ${folds[other]} has another network than fold ${folds[0]}, so they have no mean; export one of them`;
    throw new FileError(modelFolder, problem);
  }
  const metadata = {
    ...described,
    configuration: configurationName,
    folds,
    softwareVersion,
    recipe: sharedRecipe(settings),
    ...(stages && { stages }),
    ...(previousStage && { previousStage }),
  };
  await writeFileAtomic(output, writeOnnxModel(graph!, weights, metadata));
}

/** The settings that all folds were trained with; the others are those of no model of all. */
function sharedRecipe([first, ...others]: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown> {
  const { configuration: _, fold: _f, batchSize: _b, patchSize: _p, ...recipe } = first!;
  const isShared = ([key, value]: [string, unknown]) => others.every((other) => isDeepStrictEqual(other[key], value));
  return Object.fromEntries(Object.entries(recipe).filter(isShared));
}

/** The stages of all folds that are not the default ones; where folds differ, all that they have. */
function ownStages(madeBy: readonly Readonly<Record<string, string>>[]): Record<string, string> | undefined {
  const own = new Map<string, Set<string>>();
  for (const [stage, name] of madeBy.flatMap((each) => Object.entries(each))) {
    if (name !== "default") own.set(stage, (own.get(stage) ?? new Set()).add(name));
  }
  if (own.size === 0) return undefined;
  return Object.fromEntries([...own].map(([stage, names]) => [stage, [...names].join(" and ")]));
}

/**
 * What the folds of a model folder share, read from beside them.
 *
 * @param folds - that are going to be read
 * @throws {FileError} if one of them has no finished training, or two are of different divisions of the cases
 */
export async function trainedNetwork(modelFolder: string, configurationName: string, folds: readonly Fold[]) {
  const paths = modelFolderPaths(modelFolder);
  const plans = plansFromJson(await readJson(paths.plans), paths.plans);
  const dataset = modelDatasetFromJson(await readJson(paths.dataset), paths.dataset);
  const configuration = findConfiguration(plans, configurationName);
  const { architecture, patchSize } = configuration;
  const graph = buildNetwork(architecture, {
    inputChannels: inputChannels({ plans, dataset, configuration: configurationName }),
    outputChannels: labelSet(dataset).outputChannels,
    patchSize,
  });
  for (const fold of folds) {
    const { folder, checkpoint } = paths.fold(fold);
    if (!(await exists(checkpoint))) throw notTrained(folder, fold);
  }
  await refuseOtherDivisions(folds.map((fold) => paths.fold(fold).folder));
  const mirrorAxes = await mirroredInTraining(folds.map(paths.fold), configuration);
  return { paths, plans, dataset, graph, mirrorAxes };
}

/**
 * What {@link exportModel} writes for a name: the file, and for the second network of a cascade the first one's beside it.
 */
export async function exportedFiles(modelFolder: string, configurationName: string, output: string): Promise<string[]> {
  const { plans: path } = modelFolderPaths(modelFolder);
  const plans = plansFromJson(await readJson(path), path);
  const first = findConfiguration(plans, configurationName).previousConfiguration;
  return first === undefined ? [output] : [output, pairedModel(output, first)];
}

/**
 * Trained folds → a `model.onnx` to be given away; for the second network of a cascade a pair of them, the first network
 * with the folds that the second was trained with.
 *
 * @param output - replaced if it exists, as is the file beside it
 * @returns the files written
 * @throws {FileError} if a fold has no finished training, or the first network is not the one that was trained with
 */
export async function exportModel(
  modelFolder: string,
  configurationName: string,
  folds: readonly Fold[],
  output: string,
): Promise<string[]> {
  const [, pair] = await exportedFiles(modelFolder, configurationName, output);
  if (pair !== undefined) {
    const { model } = modelFolderPaths(modelFolder).fold(folds[0]!);
    if (!(await exists(model))) throw notTrained(dirname(model), folds[0]!);
    const metadata = modelMetadataFromOnnx(await readRegularFile(model), model);
    const first = await previousModelFiles(model, metadata);
    const ids = first.map((file) => basename(dirname(file)).slice("fold_".length));
    const firstFolds = ids.map((id): Fold => (id === "all" ? id : Number(id)));
    const previous = metadata.plans.configurations[configurationName]!.previousConfiguration!;
    // the second last: where it is, the pair is whole
    await exportFolds(dirname(dirname(first[0]!)), previous, firstFolds, pair);
  }
  await exportFolds(modelFolder, configurationName, folds, output);
  return pair === undefined ? [output] : [output, pair];
}

/** A fold without the checkpoint that a finished training leaves. */
function notTrained(folder: string, fold: Fold): FileError {
  return new FileError(folder, `fold ${fold} is not trained to the end; run \`train()\` for it first`);
}
