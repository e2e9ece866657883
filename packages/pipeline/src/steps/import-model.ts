import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FileError, type ModelMetadata, modelDatasetToJson, plansToJson, type StageOptions } from "@nnunet/core";
import { exists, writeFileAtomic, writeJsonAtomic } from "@nnunet/core/node";
import { importedFolds, importedOnnx, importModel } from "@nnunet/interop";
import { type Fold, modelFolderPaths } from "../folders.ts";
import { refuseOtherDivisions } from "../training/division.ts";
import { softwareVersion } from "../software-version.ts";

export interface ImportModelOptions extends Pick<StageOptions, "onEvent"> {
  /** Without: those of the cross-validation. */
  readonly folds?: readonly Fold[] | undefined;
  /** Of a folder or archive with several models: the configuration that is meant. */
  readonly configuration?: string | undefined;
  /** Name of each fold's checkpoint; `checkpoint_final.pth` by default. */
  readonly checkpoint?: string | undefined;
  /** A trainer that is none of nnU-Net's own is taken to have changed the training alone. */
  readonly asPlanned?: boolean | undefined;
  /** Replace a file that exists. */
  readonly overwrite?: boolean | undefined;
}

/** What was imported, and the files that it became. */
export interface ImportResult {
  readonly metadata: Omit<ModelMetadata, "weightsSha256">;
  readonly written: readonly string[];
}

/**
 * A model of Python nnU-Net → ours. Nothing in its files is executed; where it comes from is written into the models.
 *
 * @param source - its folder, a folder or zip archive that holds one, or a checkpoint
 * @param output - `….onnx`: one file that averages all folds; otherwise a new folder with a `model.onnx` per fold
 * @throws {FileError} if the output exists, or the source is no model
 * @throws what `importModel` throws of a model that is damaged or does not fit together; nothing is written then
 */
export async function importForeign(
  source: string,
  output: string,
  { onEvent, overwrite = false, ...options }: ImportModelOptions = {},
): Promise<ImportResult> {
  const toFile = output.endsWith(".onnx");
  if (toFile ? !overwrite && (await exists(output)) : await holdsSomething(output)) {
    const remedy = toFile
      ? "replace it by `overwrite`, or choose another name"
      : "choose a folder that is not there yet";
    throw new FileError(output, `exists already; ${remedy}`);
  }
  const model = await importModel(source, { ...options, softwareVersion });
  await refuseOtherDivisions(model.foldFolders);
  for (const text of model.warnings) onEvent?.({ type: "message", stage: "import", level: "warning", text });
  const { metadata } = model;
  if (toFile) {
    await writeFileAtomic(output, importedOnnx(model));
    return { metadata, written: [output] };
  }
  const paths = modelFolderPaths(output);
  const written: string[] = [];
  for (const bytes of importedFolds(model)) {
    written.push(paths.fold(metadata.folds[written.length]!).model);
    await writeFileAtomic(written.at(-1)!, bytes);
  }
  await writeJsonAtomic(paths.dataset, modelDatasetToJson(metadata.dataset));
  await writeJsonAtomic(paths.plans, plansToJson(metadata.plans));
  await writeJsonAtomic(join(output, "origin.json"), metadata.origin);
  return { metadata, written };
}

/** Whether there is a file of this name, or a folder with anything in it. */
async function holdsSomething(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  return readdir(path).then(
    (names) => names.length > 0,
    () => true,
  );
}
