import { counted, type Plans, type RawDataset } from "@nnunet/core";
import { TRAINER_NAME } from "../folders.ts";
import { softwareVersion } from "../software-version.ts";
import type { NetworksOnAllCases } from "./networks-on-all-cases.ts";

/** One sentence for whoever uses it. */
export function notValidated({ configuration, folds }: Pick<NetworksOnAllCases, "configuration" | "folds">): string {
  const what = counted(folds.length, "network");
  return `not validated: ${what} of ${configuration}, trained on all cases, so nothing says how good this predictor is on new images; the folds of a cross-validation would`;
}

/** `inference_information.json` of a predictor that nothing was compared for: v2's keys, where they mean something. */
export function notValidatedInformation(
  dataset: RawDataset,
  plans: Plans,
  networks: Pick<NetworksOnAllCases, "configuration" | "folds">,
  warnings: readonly string[],
): unknown {
  const model = { configuration: networks.configuration, trainer: TRAINER_NAME, plans_identifier: plans.plansName };
  return {
    folds: networks.folds,
    dataset_name_or_id: dataset.name,
    considered_models: [model],
    ensembling_allowed: false,
    all_results: {},
    best_model_or_ensemble: {
      result_on_crossval_pre_pp: null,
      result_on_crossval_post_pp: null,
      postprocessing_file: null,
      some_plans_file: "plans.json",
      selected_model_or_models: [model],
    },
    nnunet_ts: {
      software_version: softwareVersion,
      chosen: notValidated(networks),
      validation_cases: 0,
      warnings,
      ranking: [],
      not_compared: [
        { configuration: networks.configuration, reason: "trained on all cases: no case is left to compare on" },
      ],
    },
  };
}
