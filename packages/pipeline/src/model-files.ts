import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";
import { type Fold, modelFolderPaths } from "./folders.ts";
import { exists } from "./made-from.ts";

/**
 * The model files behind a path: a file itself, `model.onnx` of a fold's folder, or one per trained fold of a model
 * folder.
 *
 * @param folds - of a model folder; all that are trained if left out
 * @throws {FileError} if there is none, or a fold that was asked for is not trained
 */
export async function modelFiles(path: string, folds?: readonly Fold[]): Promise<string[]> {
  const found = await stat(path).catch((error) => {
    throw describeFileError(path, "there is no model", error);
  });
  if (!found.isDirectory()) return [path];
  const own = join(path, "model.onnx");
  if (await exists(own)) return [own];
  const names = await readdir(path);
  const trained: string[] = [];
  for (const name of folds?.map((fold) => `fold_${fold}`) ?? names.filter((n) => n.startsWith("fold_")).sort()) {
    const { model } = modelFolderPaths(path).fold(name.slice("fold_".length) as Fold);
    if (await exists(model)) trained.push(model);
    else if (folds) throw new FileError(model, `missing; train ${name.replace("_", " ")} first, or leave it out`);
  }
  if (trained.length > 0) return trained;
  const deeper = names.filter((name) => name.split("__").length === 3);
  throw new FileError(
    path,
    deeper.length > 0
      ? `holds several models; name one of ${deeper.join(", ")}`
      : "no model.onnx and no trained fold in it; train first, or name the model file",
  );
}
