import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { FileError, listed } from "@nnunet/core";
import { predictorPaths } from "../folders.ts";

/**
 * A final predictor without its `predictor.json` is no model folder that is not trained yet, and says nothing of how its files
 * go together.
 *
 * @throws {FileError} if a folder holds two or more parts of a final predictor, and that file is missing
 */
export async function refusePartOfPredictor(folder: string): Promise<void> {
  const { description, information, postprocessing } = predictorPaths(folder);
  const names: readonly string[] = await readdir(folder).catch(() => []);
  if (names.includes(basename(description))) return;
  const models = names.filter((name) => name.endsWith(".onnx") && name !== "model.onnx").sort();
  const others = [information, postprocessing].map((path) => basename(path)).filter((name) => names.includes(name));
  if (others.length + Math.min(models.length, 1) < 2) return;
  throw new FileError(
    description,
    `missing; the folder holds other files of a final predictor (${listed([...models, ...others])}), and this one says how they go together: copy the whole folder, or run \`findBest()\` again`,
  );
}
