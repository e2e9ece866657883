import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  FileError,
  findConfiguration,
  inputChannels,
  labelSet,
  modelDatasetFromJson,
  modelDatasetToJson,
  plansFromJson,
} from "@nnunet/core";
import { copyFileAtomic, exists, readJson, writeChunksAtomic, writeJsonAtomic } from "@nnunet/core/node";
import { v2CheckpointChunks, v2PlansJson } from "@nnunet/interop";
import { readCheckpoint } from "@nnunet/trainer";
import { buildNetwork } from "@nnunet/unet-model";
import { type Fold, modelFolderPaths } from "../folders.ts";
import { notTrained } from "./export-model.ts";

/**
 * The trained folds of a model folder → a model folder of nnU-Net v2, which `nnUNetv2_predict_from_modelfolder` runs as
 * it is: plans.json, dataset.json, the fingerprint, and `fold_k/checkpoint_final.pth`.
 *
 * @param modelFolder - `…/nnUNetTrainer__nnUNetPlans__3d_fullres`
 * @param output - a folder that is not there yet, or empty
 * @returns the files written
 * @throws {FileError} if a fold has no finished training, or the output holds something
 * @throws {UnsupportedError} if nnU-Net v2 cannot do what the plan says
 */
export async function exportForV2(
  modelFolder: string,
  configuration: string,
  folds: readonly Fold[],
  output: string,
): Promise<string[]> {
  if (await exists(output)) {
    const names = await readdir(output).catch(() => ["a file"]);
    if (names.length > 0) throw new FileError(output, "exists already; choose a folder that is not there yet");
  }
  const paths = modelFolderPaths(modelFolder);
  const plans = plansFromJson(await readJson(paths.plans), paths.plans);
  const dataset = modelDatasetFromJson(await readJson(paths.dataset), paths.dataset);
  const { architecture, patchSize } = findConfiguration(plans, configuration);
  const graph = buildNetwork(architecture, {
    inputChannels: inputChannels({ plans, dataset, configuration }),
    outputChannels: labelSet(dataset).outputChannels,
    patchSize,
  });
  for (const fold of folds) {
    const { folder, checkpoint } = paths.fold(fold);
    if (!(await exists(checkpoint))) throw notTrained(folder, fold);
  }
  const target = modelFolderPaths(output);
  const written: string[] = [];
  for (const fold of folds) {
    const { weights, history } = await readCheckpoint(paths.fold(fold).checkpoint);
    const mirrorAxes = patchSize.map((_, axis) => axis);
    const chunks = v2CheckpointChunks({
      graph,
      weights,
      plans,
      dataset,
      configuration,
      fold,
      mirrorAxes,
      epochs: history.length,
    });
    const file = join(target.fold(fold).folder, "checkpoint_final.pth");
    await writeChunksAtomic(file, chunks);
    written.push(file);
  }
  await writeJsonAtomic(target.dataset, modelDatasetToJson(dataset));
  if (await exists(paths.fingerprint)) await copyFileAtomic(paths.fingerprint, target.fingerprint);
  await writeJsonAtomic(target.plans, v2PlansJson(plans));
  return [...written, target.plans, target.dataset];
}
