import { join } from "node:path";
import { FileError, isJsonObject, type RawDataset, plansFromJson, type StageOptions } from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { probabilitiesSha256, storedProbabilitiesHash } from "@nnunet/preprocess";
import type { Device } from "@nnunet/inference";
import { type FoldPaths, modelFolderPaths } from "../folders.ts";
import { readRecord } from "../records/made-from.ts";
import type { Context } from "../stages.ts";
import { foldInputs } from "../training/fold-inputs.ts";
import { validateFold } from "../training/validate-fold.ts";
import type { ValidatedConfiguration } from "./cross-validation.ts";
import { caseOf, casesOf } from "./validation-cases.ts";

export interface ProbabilityOptions extends StageOptions {
  readonly device?: Device | undefined;
  readonly maxMemoryGb?: number | undefined;
}

/**
 * Sees to it that the probabilities of a configuration's validation cases are there. Where they are missing, or of another
 * model, the cases are predicted again; that is told.
 *
 * @returns SHA-256 of those of each case
 * @throws {FileError} if some were changed after they were predicted
 */
export async function completeProbabilities(
  context: Context,
  dataset: RawDataset,
  { configuration, modelFolder, compared }: ValidatedConfiguration,
  options: ProbabilityOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  for (const { fold, paths, summary } of compared) {
    const by = `fold ${fold} of ${configuration}`;
    await refuseChangedProbabilities(paths, casesOf(summary), by);
    const missing = await casesWithout(paths, casesOf(summary));
    if (missing === 0) {
      for (const id of casesOf(summary)) hashes.set(id, await probabilitiesSha256(paths.probabilities, id));
      continue;
    }
    const text = `predicting ${missing} of ${summary.cases.length} validation cases of ${configuration}, fold ${fold}, once more for their probabilities (a training with \`probabilities\` keeps them at once)`;
    options.onEvent?.({ type: "message", stage: "find-best", level: "info", text });
    const { plans: path } = modelFolderPaths(modelFolder);
    const plans = plansFromJson(await readJson(path), path);
    const inputs = await foldInputs(context, dataset, plans, configuration, fold, {});
    await validateFold(
      context,
      dataset,
      paths.folder,
      { ...inputs, caseIds: inputs.split.val, plans },
      { ...options, probabilities: true },
    );
    for (const id of casesOf(summary)) hashes.set(id, await probabilitiesSha256(paths.probabilities, id));
  }
  return hashes;
}

/** @throws {FileError} naming the first store that is not what was recorded when it was written */
async function refuseChangedProbabilities(paths: FoldPaths, ids: readonly string[], by: string): Promise<void> {
  const { probabilities: recorded } = await readRecord(join(paths.validation, "made_from.json"));
  if (!isJsonObject(recorded)) return;
  for (const id of ids) {
    if ((await storedProbabilitiesHash(paths.probabilities, id)) === undefined) continue; // missing or damaged: made again
    if (recorded[id] === undefined || recorded[id] === (await probabilitiesSha256(paths.probabilities, id))) continue;
    const problem = `are not the probabilities that ${by} predicted: they were changed afterwards`;
    throw new FileError(
      join(paths.probabilities, `${id}.zarr`),
      `${problem}; move them away, and they are predicted again`,
    );
  }
}

/** How many cases have no probabilities of the model that made their segmentation. */
async function casesWithout(paths: FoldPaths, ids: readonly string[]): Promise<number> {
  const { predictions } = await readRecord(join(paths.validation, "made_from.json"));
  const made = new Map<string, unknown>();
  for (const [file, entry] of Object.entries(isJsonObject(predictions) ? predictions : {})) {
    made.set(caseOf(file), isJsonObject(entry) ? entry["inputs"] : undefined);
  }
  let missing = 0;
  for (const id of ids) {
    const hash = await storedProbabilitiesHash(paths.probabilities, id);
    if (hash === undefined || hash !== made.get(id)) missing++;
  }
  return missing;
}
