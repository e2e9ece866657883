import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  FileError,
  type ModelMetadata,
  modelDatasetToJson,
  plansToJson,
  type StageOptions,
  UnsupportedError,
} from "@nnunet/core";
import { exists, writeFileAtomic, writeJsonAtomic } from "@nnunet/core/node";
import { importedFolds, importedOnnx, importModel, importPrevious } from "@nnunet/interop";
import { pairedModel } from "../cascade/previous-models.ts";
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
 * @param output - `….onnx`: one file that averages all folds, and for the second network of a cascade another beside it with
 *   the first one; otherwise a new folder with a `model.onnx` per fold
 * @throws {FileError} if the output exists, or the source is no model
 * @throws what `importModel` throws of a model that is damaged or does not fit together; nothing is written then
 */
export async function importForeign(
  source: string,
  output: string,
  { onEvent, overwrite = false, ...options }: ImportModelOptions = {},
): Promise<ImportResult> {
  const toFile = output.endsWith(".onnx");
  if (toFile) await refuseToReplace(output, overwrite);
  else if (await holdsSomething(output)) {
    throw new FileError(output, "exists already; choose a folder that is not there yet");
  }
  const model = await importModel(source, { ...options, softwareVersion });
  const first = await importPrevious(source, model, { ...options, softwareVersion });
  for (const each of first ? [model, first] : [model]) {
    await refuseOtherDivisions(each.foldFolders);
    for (const text of each.warnings) onEvent?.({ type: "message", stage: "import", level: "warning", text });
  }
  const { metadata } = model;
  if (toFile) {
    const pair = first && pairedModel(output, first.metadata.configuration);
    if (pair !== undefined) await refuseToReplace(pair, overwrite);
    // the second last: where it is, the pair is whole
    if (first) await writeFileAtomic(pair!, importedOnnx(first));
    await writeFileAtomic(output, importedOnnx(model));
    return { metadata, written: pair === undefined ? [output] : [output, pair] };
  }
  if (first) {
    throw new UnsupportedError(
      `a folder for the second network of a cascade (${metadata.configuration})`,
      "name a file that ends in .onnx; the first network goes beside it",
    );
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

async function refuseToReplace(file: string, overwrite: boolean): Promise<void> {
  if (overwrite || !(await exists(file))) return;
  throw new FileError(file, "exists already; replace it by `overwrite`, or choose another name");
}

/** Whether there is a file of this name, or a folder with anything in it. */
async function holdsSomething(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  return readdir(path).then(
    (names) => names.length > 0,
    () => true,
  );
}
