import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { EventListener } from "@nnunet/core";
import { checkPrevious, loadModel, type LoadModelOptions, type Model, type PredictorMember } from "@nnunet/inference";
import { type ImportedModel, importedFolds, importModel, importPrevious, isForeignModel } from "@nnunet/interop";
import type { Fold } from "../folders.ts";
import { exists } from "../records/made-from.ts";
import { refuseOtherDivisions } from "../training/division.ts";
import { softwareVersion } from "../software-version.ts";

/** What a user may ask for beside the path. */
interface AskedOfForeign {
  readonly folds: readonly Fold[] | undefined;
  readonly configuration: string | undefined;
  readonly onEvent: EventListener | undefined;
}

/**
 * Loads a model of Python nnU-Net from where it lies: a model folder with checkpoints, a zip archive of one, or a
 * checkpoint. With the second network of a cascade comes the first, from beside it.
 *
 * @returns undefined for what is ours, or no model
 * @throws what `importModel` throws of one that is damaged or does not fit together
 */
export async function loadForeignModel(
  path: string,
  { folds, configuration, onEvent }: AskedOfForeign,
  options: LoadModelOptions,
): Promise<PredictorMember | undefined> {
  if ((await holdsOwnModel(path)) || !(await isForeignModel(path))) return undefined;
  const imported = await importModel(path, { folds, configuration, softwareVersion });
  const first = await importPrevious(path, imported, { softwareVersion });
  for (const model of [imported, ...(first ? [first] : [])]) await refuseOtherDivisions(model.foldFolders);
  for (const text of [...imported.warnings, ...(first?.warnings ?? [])]) {
    onEvent?.({ type: "message", stage: "predict", level: "warning", text });
  }
  const loaded: Model[] = [];
  const load = async (model: ImportedModel): Promise<Model[]> => {
    const before = loaded.length;
    for (const bytes of importedFolds(model)) loaded.push(await loadModel(bytes, options));
    return loaded.slice(before);
  };
  try {
    const models = await load(imported);
    const previous = checkPrevious(models, first && (await load(first)));
    return { models, ...(previous && { previous }) };
  } catch (error) {
    for (const model of loaded) await model.dispose();
    throw error;
  }
}

/** A model of ours in a folder wins: it may have been imported there. */
async function holdsOwnModel(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return false;
  if (await exists(join(path, "model.onnx"))) return true;
  for (const name of await readdir(path)) {
    if (name.startsWith("fold_") && (await exists(join(path, name, "model.onnx")))) return true;
  }
  return false;
}
