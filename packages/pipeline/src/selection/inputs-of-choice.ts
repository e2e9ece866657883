import { modelDatasetToJson, type Plans, plansToJson, type RawDataset } from "@nnunet/core";
import { modelFolderPaths } from "../folders.ts";
import type { GivenUpRecord } from "../records/given-up-record.ts";
import { contentHash, recordedHash } from "../records/made-from.ts";
import { softwareVersion } from "../software-version.ts";
import { type Context, identity } from "../stages.ts";
import type { CrossValidation } from "./cross-validation.ts";
import type { NetworksOnAllCases } from "./networks-on-all-cases.ts";
import { caseOf } from "./validation-cases.ts";

/** All that the choice and the predictor depend on: folds with their trainings and scores, stages, and options. */
export async function inputsOfChoice(
  { stages }: Context,
  dataset: RawDataset,
  plans: Plans,
  { configurations, leftOut }: CrossValidation,
  givenUp: GivenUpRecord | undefined,
  { ensembles = true }: { readonly ensembles?: boolean | undefined },
): Promise<string> {
  const folds: unknown[] = [];
  for (const { configuration, modelFolder, folds: own, compared } of configurations) {
    for (const fold of own) {
      const { madeFrom } = modelFolderPaths(modelFolder).fold(fold);
      const validated = compared.find((each) => each.fold === fold);
      const cases = validated?.summary.cases.map(({ referenceFile, metrics, group }) => [
        caseOf(referenceFile),
        metrics,
        group ?? null,
      ]);
      folds.push([configuration, fold, await recordedHash(madeFrom, "training"), cases]);
    }
  }
  const made = [stages.predictor, stages.evaluator, stages.postprocessor].map(identity);
  return contentHash([
    softwareVersion,
    plansToJson(plans),
    modelDatasetToJson(dataset.json),
    folds,
    leftOut,
    givenUp ?? null,
    ensembles,
    made,
  ]);
}

/** The same of networks that nothing is compared of. */
export async function inputsOfNetworks(
  { stages }: Context,
  dataset: RawDataset,
  plans: Plans,
  members: readonly NetworksOnAllCases[],
): Promise<string> {
  const folds: unknown[] = [];
  for (const { configuration, modelFolder, folds: own } of members) {
    for (const fold of own) {
      const { madeFrom } = modelFolderPaths(modelFolder).fold(fold);
      folds.push([configuration, fold, await recordedHash(madeFrom, "training")]);
    }
  }
  const json = [plansToJson(plans), modelDatasetToJson(dataset.json)];
  return contentHash([softwareVersion, ...json, folds, identity(stages.predictor), "not validated"]);
}
