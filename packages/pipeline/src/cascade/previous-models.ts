import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError, listed, modelMetadataFromOnnx, type ModelMetadata, weightsOfFolds } from "@nnunet/core";
import { exists, readRegularFile } from "@nnunet/core/node";
import { foldsAmong, modelFolderPaths } from "../folders.ts";

/**
 * Where an exported second network of a cascade has the first one beside it.
 *
 * @example pairedModel("liver.onnx", "3d_lowres"); // "liver.3d_lowres.onnx"
 */
export function pairedModel(path: string, previousConfiguration: string): string {
  return `${path.replace(/\.onnx$/, "")}.${previousConfiguration}.onnx`;
}

/**
 * The files of the first network of a cascade that a second one was trained with: beside an exported one, or in the model
 * folder of that configuration beside the one that the second lies in.
 *
 * @param path - of the second network's model.onnx
 * @param metadata - of the second network
 * @returns nothing for a model that is no second network
 * @throws {FileError} if they are not there, or are others than those trained with
 */
export async function previousModelFiles(path: string, metadata: ModelMetadata): Promise<string[]> {
  const { plans, configuration, previousStage } = metadata;
  const first = plans.configurations[configuration]!.previousConfiguration;
  if (first === undefined) return [];
  const paired = pairedModel(path, first);
  const folder = folderBeside(path, configuration, first);
  const found = (await exists(paired)) ? [paired] : folder === undefined ? [] : await foldModels(folder);
  const where = folder === undefined ? "" : ` nor trained in ${folder}`;
  if (found.length === 0) {
    const problem = `is the second network of a cascade (${configuration}), and the first, ${first}, is not beside it as ${basename(paired)}${where}`;
    throw new FileError(path, `${problem}; put it there, or export both anew with \`export()\``);
  }
  if (!previousStage) return found.length > 1 ? found.filter((file) => basename(dirname(file)) !== "fold_all") : found;
  const wanted = new Set(previousStage.weightsSha256);
  const taken: string[] = [];
  for (const file of found) {
    const hashes = weightsOfFolds(modelMetadataFromOnnx(await readRegularFile(file), file));
    if (!hashes.every((hash) => previousStage.weightsSha256.includes(hash))) continue;
    for (const hash of hashes) wanted.delete(hash);
    taken.push(file);
  }
  if (wanted.size === 0) return taken;
  const place = found[0] === paired ? paired : folder!;
  const held = found[0] === paired ? "is" : "holds";
  const counts = `${wanted.size} of its ${previousStage.weightsSha256.length} folds ${wanted.size === 1 ? "is" : "are"} missing: ${listed([...wanted].map((hash) => hash.slice(0, 8)))}`;
  throw new FileError(
    place,
    `${held} another ${first} than the one that ${path} was trained with (${counts}, by the weights' SHA-256); train ${configuration} again, or put that ${first} back`,
  );
}

/** `…__3d_lowres` beside `…__3d_cascade_fullres/fold_0/model.onnx`, or undefined where the model lies elsewhere. */
function folderBeside(path: string, configuration: string, first: string): string | undefined {
  const modelFolder = dirname(dirname(resolve(path)));
  const name = basename(modelFolder);
  if (!basename(dirname(resolve(path))).startsWith("fold_") || !name.endsWith(`__${configuration}`)) return undefined;
  return join(dirname(modelFolder), `${name.slice(0, -configuration.length)}${first}`);
}

async function foldModels(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const fold of foldsAmong(await readdir(folder).catch(() => []))) {
    const { model } = modelFolderPaths(folder).fold(fold);
    if (await exists(model)) found.push(model);
  }
  return found;
}
