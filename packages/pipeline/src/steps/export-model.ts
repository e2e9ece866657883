import { FileError, findConfiguration, labelSet, modelDatasetFromJson, plansFromJson } from "@nnunet/core";
import { readJson, writeFileAtomic } from "@nnunet/core/node";
import { readCheckpoint } from "@nnunet/trainer";
import { buildNetwork, type Weights, writeOnnxModel } from "@nnunet/unet-model";
import { type Fold, modelFolderPaths } from "../folders.ts";
import { exists } from "../records/made-from.ts";
import { softwareVersion } from "../software-version.ts";

/**
 * The trained folds of a model folder → one `model.onnx` that carries its plans and labels; several folds become
 * one network that averages them.
 *
 * @param modelFolder - `…/nnUNetTrainer__nnUNetPlans__3d_fullres`
 * @param output - replaced if it exists
 * @throws {FileError} if a fold has no finished training
 */
export async function exportFolds(
  modelFolder: string,
  configurationName: string,
  folds: readonly Fold[],
  output: string,
): Promise<void> {
  const paths = modelFolderPaths(modelFolder);
  const plans = plansFromJson(await readJson(paths.plans), paths.plans);
  const dataset = modelDatasetFromJson(await readJson(paths.dataset), paths.dataset);
  const configuration = findConfiguration(plans, configurationName);
  const graph = buildNetwork(configuration.architecture, {
    inputChannels: dataset.channelNames.length,
    outputChannels: labelSet(dataset).outputChannels,
    patchSize: configuration.patchSize,
  });
  const weights: Weights[] = [];
  for (const fold of folds) {
    const { folder, checkpoint } = paths.fold(fold);
    if (!(await exists(checkpoint))) {
      throw new FileError(folder, `fold ${fold} is not trained to the end; run "nnunet train" for it first`);
    }
    weights.push((await readCheckpoint(checkpoint)).weights);
  }
  const metadata = {
    plans,
    dataset,
    configuration: configurationName,
    folds,
    mirrorAxes: configuration.patchSize.map((_, axis) => axis),
    softwareVersion,
  };
  await writeFileAtomic(output, writeOnnxModel(graph, weights, metadata));
}
