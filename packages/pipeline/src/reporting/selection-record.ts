import { finiteOrNull, isJsonObject, type Plans, type RawDataset } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { postprocessingFromJson, postprocessingTrials } from "@nnunet/postprocess";
import type { Choice, PostprocessingTrial } from "@nnunet/report";
import { nameOfLeftOut } from "../selection/cross-validation.ts";
import { finalPredictorFolder, type Fold, type Folders, predictorPaths } from "../folders.ts";

/** What `inference_information.json` of the final predictor says of the choice. */
export interface SelectionRecord {
  readonly folds: readonly Fold[];
  /** Best first, as they were compared. */
  readonly ranking: readonly { readonly configurations: readonly string[]; readonly dice: number }[];
  readonly choice: Choice;
  readonly trials: readonly PostprocessingTrial[];
  /** Mean Dice of what is handed over. */
  readonly after?: number;
}

/**
 * The choice that was made for a plan; undefined where none was, or the file says less than ours do: nnU-Net's own has no
 * ranking.
 *
 * @param labels - names by id, for the postprocessing
 */
export async function readSelection(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  labels: ReadonlyMap<string, string>,
): Promise<SelectionRecord | undefined> {
  const { information } = predictorPaths(finalPredictorFolder(folders, dataset.name, plans.plansName));
  if (!(await exists(information))) return undefined;
  const json = await readJson(information);
  if (!isJsonObject(json)) return undefined;
  const { folds, best_model_or_ensemble: best, nnunet_ts: ours } = json;
  if (!isJsonObject(ours) || !isJsonObject(best) || !Array.isArray(folds)) return undefined;
  const ranking = objects(ours["ranking"]).flatMap(({ configurations, dice }) =>
    isNames(configurations) && typeof dice === "number" ? [{ configurations, dice }] : [],
  );
  const [chosen] = ranking;
  if (chosen === undefined) return undefined;
  const { result_on_crossval_pre_pp: before, result_on_crossval_post_pp: after } = best;
  const notCompared = objects(ours["not_compared"]).map(({ configuration, folds: missing, budget, reason }) => ({
    what:
      typeof budget === "string"
        ? `given up for the budget of ${budget}`
        : nameOfLeftOut({
            configuration: String(configuration),
            ...(Array.isArray(missing) && { folds: missing.filter(isNumber) }),
          }),
    why: String(reason ?? ""),
  }));
  const postprocessing = isJsonObject(ours["postprocessing"]) ? ours["postprocessing"]["trials"] : undefined;
  const trials = trialsOf(postprocessing, information, labels);
  return {
    folds: folds.filter((fold): fold is Fold => typeof fold === "number" || fold === "all"),
    ranking,
    choice: {
      configurations: chosen.configurations,
      by: "selection",
      reasons: [
        ...(typeof ours["chosen"] === "string" ? [ours["chosen"]] : []),
        ...(isNumber(before) && isNumber(after) ? [afterPostprocessing(before, after, trials)] : []),
      ],
      notCompared,
    },
    trials,
    ...(isNumber(after) && { after }),
  };
}

function afterPostprocessing(before: number, after: number, trials: readonly PostprocessingTrial[]): string {
  if (!trials.some(({ accepted }) => accepted)) return "No postprocessing made it better, so there is none.";
  if (after.toFixed(4) === before.toFixed(4)) return "Postprocessing changes the mean Dice by less than 0.0001.";
  return `Postprocessing takes the mean Dice from ${before.toFixed(4)} to ${after.toFixed(4)}.`;
}

/** Of the default postprocessor; another one's trials are its own matter. */
function trialsOf(json: unknown, path: string, labels: ReadonlyMap<string, string>): PostprocessingTrial[] {
  if (!isJsonObject(json) || !Array.isArray(json["for_which_classes"])) return [];
  return postprocessingTrials(postprocessingFromJson(json, path), labels).map(({ what, before, after, adopted }) => ({
    what: `keep ${what}`,
    before: finiteOrNull(before),
    after: finiteOrNull(after),
    accepted: adopted,
  }));
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === "string");
const objects = (value: unknown) => (Array.isArray(value) ? value.filter(isJsonObject) : []);
