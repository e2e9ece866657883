import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FileError, modelDatasetToJson, UnsupportedError } from "@nnunet/core";
import { copyFileAtomic, exists, writeChunksAtomic, writeJsonAtomic } from "@nnunet/core/node";
import { v2CheckpointChunks, v2PlansJson } from "@nnunet/interop";
import { readCheckpoint } from "@nnunet/trainer";
import { type Fold, modelFolderPaths } from "../folders.ts";
import { exportValidation } from "./export-validation.ts";
import { defaultStages } from "../stages.ts";
import { trainedNetwork } from "./export-model.ts";

/**
 * The trained folds of a model folder → a model folder of nnU-Net v2, which `nnUNetv2_predict_from_modelfolder` runs as
 * it is: plans.json, dataset.json, the fingerprint, and `fold_k/checkpoint_final.pth`.
 *
 * @param modelFolder - `…/nnUNetTrainer__nnUNetPlans__3d_fullres`
 * @param output - a folder that is not there yet, or empty
 * @param validation - also what the folds' validation left, for nnU-Net v2's tools of selection; cases are called by name there
 * @returns the files written
 * @throws {FileError} if a fold has no finished training, or the output holds something
 * @throws {UnsupportedError} if nnU-Net v2 cannot do what the plan says
 */
export async function exportForV2(
  modelFolder: string,
  configuration: string,
  folds: readonly Fold[],
  output: string,
  { validation = false }: { readonly validation?: boolean | undefined } = {},
): Promise<string[]> {
  if (await exists(output)) {
    const names = await readdir(output).catch(() => ["a file"]);
    if (names.length > 0) throw new FileError(output, "exists already; choose a folder that is not there yet");
  }
  const { paths, plans, dataset, graph, mirrorAxes } = await trainedNetwork(modelFolder, configuration, folds);
  const target = modelFolderPaths(output);
  const written: string[] = [];
  for (const fold of folds) {
    const { weights, history, network, stages } = await readCheckpoint(paths.fold(fold).checkpoint);
    if (network) throw new UnsupportedError("a network of one's own in nnU-Net v2", "export it as a model.onnx");
    const preprocessor = stages?.["preprocessor"] ?? defaultStages.preprocessor.name;
    if (preprocessor !== defaultStages.preprocessor.name)
      throw new UnsupportedError(
        `the preprocessor ${preprocessor} in nnU-Net v2`,
        "it would see images that are preprocessed otherwise",
      );
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
    if (validation) written.push(...(await exportValidation(paths.fold(fold), target.fold(fold))));
  }
  await writeJsonAtomic(target.dataset, modelDatasetToJson(dataset));
  if (await exists(paths.fingerprint)) await copyFileAtomic(paths.fingerprint, target.fingerprint);
  await writeJsonAtomic(target.plans, v2PlansJson(plans));
  return [...written, target.plans, target.dataset];
}
