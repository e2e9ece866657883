import { type EvaluationSummary, finiteOrNull, type Plans, type RawDataset, type StageOptions } from "@nnunet/core";
import { exists, readJson, whileLocked } from "@nnunet/core/node";
import { diceIntervals, type RankedCandidate, summarise, summaryFromJson } from "@nnunet/evaluate";
import { crossvalFolder, finalPredictorFolder, modelFolderPaths } from "../folders.ts";
import type { Context } from "../stages.ts";
import { warnOfIdenticalImages } from "../steps/identical-images.ts";
import { areScoresCurrent } from "../steps/scored-files.ts";
import {
  type CrossValidation,
  type CrossValidationOptions,
  crossValidation,
  type LeftOut,
} from "./cross-validation.ts";
import { isPredictorOf } from "./earlier-predictor.ts";
import { inputsOfChoice, inputsOfNetworks } from "./inputs-of-choice.ts";
import type { ProbabilityOptions } from "./fold-probabilities.ts";
import { givenUpFor } from "./given-up.ts";
import { chosenBecause, inferenceInformation } from "./inference-information.ts";
import { foldOf, select, withCurrentScores } from "./select.ts";
import { type NetworksOnAllCases, networksOnAllCases } from "./networks-on-all-cases.ts";
import { notValidated, notValidatedInformation } from "./not-validated.ts";
import { notFoundWarning, notScoredWarning } from "./not-found-warning.ts";
import { unlikeTrainings } from "./unlike-trainings.ts";
import { putPredictor, say } from "./put-predictor.ts";
import { refuseOtherFolder } from "./write-predictor.ts";

export interface FindBestOptions extends StageOptions, CrossValidationOptions, ProbabilityOptions {
  /** Also compare every pair of configurations; true by default. */
  readonly ensembles?: boolean | undefined;
  /** Where the final predictor goes; `nnUNetPredictor__<plans>` in the dataset's results by default. */
  readonly output?: string | undefined;
}

export interface BestPredictor {
  /** Of the final predictor, for `loadPredictor`. */
  readonly folder: string;
  /** One or two; the probabilities of two are averaged. */
  readonly configurations: readonly string[];
  /** Why, in a sentence. */
  readonly chosen: string;
  /** Best first, before postprocessing; empty where nothing could be compared. */
  readonly ranking: readonly RankedCandidate[];
  readonly leftOut: readonly LeftOut[];
  /** Of the chosen one, after postprocessing; absent of networks that were trained on all cases. */
  readonly validation?: EvaluationSummary;
  /** The validation cases as they are after postprocessing, with `summary.json`. */
  readonly crossval?: string;
  /** As the postprocessor stage writes it; null where none was decided. */
  readonly postprocessing: unknown;
  /** What must be known before anybody uses it; also in `predictor.json`. */
  readonly warnings: readonly string[];
  /** False if the predictor was there, made from the same. */
  readonly made: boolean;
}

/**
 * From the trained folds of a plan to the final predictor: compares every configuration and every pair on the validation
 * cases of all folds, by mean foreground Dice, ties to the simpler; decides the postprocessing of the best; and writes a
 * folder that predicts by itself.
 *
 * Scores are those of the segmentations that lie there: where these are others than were scored, they are scored anew. What
 * was compared before from the same models is kept, the postprocessing too.
 *
 * Networks that were trained on all cases cannot be compared. Of one configuration they become a predictor that says it is not
 * validated.
 *
 * @throws {FileError} if nothing can be compared, a validation case was changed after it was predicted, the output holds
 *   something else, or with `strict` something is missing
 * @throws {InvalidArgumentError} if no label has a score
 * @see paper, Methods "Empirical parameters"; docs/method.md §8
 */
export async function findBest(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  options: FindBestOptions = {},
): Promise<BestPredictor> {
  const { signal, onEvent } = options;
  const folder = options.output ?? finalPredictorFolder(context.folders, dataset.name, plans.plansName);
  const onAll = await networksOnAllCases(context.folders, dataset, plans, options);
  const found = onAll === undefined ? await crossValidation(context.folders, dataset, plans, options) : undefined;
  await refuseOtherFolder(folder);
  if (found) await warnOfIdenticalImages(context.folders, dataset, "find-best", options);
  const lock = { wait: { stage: "find-best" }, ...(signal && { signal }), ...(onEvent && { onEvent }) };
  const work = () =>
    found
      ? chosenPredictor(context, dataset, plans, found, folder, options)
      : untestedPredictor(context, dataset, plans, onAll!, folder, options);
  return whileLocked(folder, "choosing the final predictor", work, lock);
}

async function chosenPredictor(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  comparable: CrossValidation,
  folder: string,
  options: FindBestOptions,
): Promise<BestPredictor> {
  const found = await withCurrentScores(context, dataset, comparable, options);
  const crossval = crossvalFolder(folder);
  const selection = await select(context, dataset, plans, found, crossval, options);
  const best = selection.ranking[0]!;
  const chosen = chosenBecause(selection);
  say(options, "info", chosen);
  const warnings = [
    ...notFoundWarning(selection.postprocessed, dataset.json),
    ...notScoredWarning(selection.postprocessed, dataset.json),
    ...(await unlikeTrainings(found.configurations)),
  ];
  for (const text of warnings) say(options, "warning", text);
  const members = best.configurations.map((name) => {
    const { modelFolder, folds } = found.configurations.find(({ configuration }) => configuration === name)!;
    return { configuration: name, modelFolder, folds };
  });
  const givenUp = await givenUpFor(context.folders, dataset, plans);
  const madeFrom = await inputsOfChoice(context, dataset, plans, found, givenUp, options);
  const made = await putPredictor(folder, options, madeFrom, () => {
    const { mean, low, high, cases } = diceIntervals(selection.postprocessed).foregroundMean;
    return {
      dataset,
      plans,
      members,
      compared: found.configurations.map(({ configuration }) => configuration),
      postprocessor: context.stages.postprocessor.name,
      postprocessing: selection.postprocessing,
      information: inferenceInformation(dataset, plans, selection, { givenUp, warnings }),
      score: { dice: finiteOrNull(mean), low: finiteOrNull(low), high: finiteOrNull(high), cases },
      chosen,
      warnings,
    };
  });
  return {
    folder,
    configurations: best.configurations,
    chosen,
    ranking: selection.ranking,
    leftOut: found.leftOut,
    validation: selection.postprocessed,
    crossval,
    postprocessing: selection.postprocessing,
    warnings,
    made,
  };
}

async function untestedPredictor(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  { configuration, modelFolder, folds }: NetworksOnAllCases,
  folder: string,
  options: FindBestOptions,
): Promise<BestPredictor> {
  const members = [{ configuration, modelFolder, folds }];
  const chosen = notValidated(members[0]!);
  const warnings = [chosen, ...(await notFoundInTraining(dataset, { modelFolder, folds }))];
  for (const text of warnings) say(options, "warning", text);
  const madeFrom = await inputsOfNetworks(context, dataset, plans, members);
  const made = await putPredictor(folder, options, madeFrom, () => ({
    dataset,
    plans,
    members,
    compared: [configuration],
    postprocessor: null,
    postprocessing: undefined,
    information: notValidatedInformation(dataset, plans, members[0]!, warnings),
    score: { dice: null, low: null, high: null, cases: 0 },
    chosen,
    warnings,
  }));
  return {
    folder,
    configurations: [configuration],
    chosen,
    ranking: [],
    leftOut: [],
    postprocessing: null,
    warnings,
    made,
  };
}

/** A network that does not even find a label in what it was trained on. */
async function notFoundInTraining(
  dataset: RawDataset,
  { modelFolder, folds }: Pick<NetworksOnAllCases, "modelFolder" | "folds">,
): Promise<string[]> {
  const cases: EvaluationSummary["cases"][number][] = [];
  for (const fold of folds) {
    const { summary } = modelFolderPaths(modelFolder).fold(fold);
    if (await exists(summary)) cases.push(...summaryFromJson(await readJson(summary), summary).cases);
  }
  if (cases.length === 0) return [];
  return notFoundWarning(summarise(cases), dataset.json).map((text) => `even in the cases of its training ${text}`);
}

/**
 * Whether {@link findBest} would come out the same: the predictor is there, whole, and made from the same folds and
 * options. Nothing is compared for it.
 *
 * @throws what `findBest` throws of folds that cannot be compared
 */
export async function isBestFound(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  options: FindBestOptions = {},
): Promise<boolean> {
  const { onEvent: _, ...quietly } = options;
  const folder = options.output ?? finalPredictorFolder(context.folders, dataset.name, plans.plansName);
  const onAll = await networksOnAllCases(context.folders, dataset, plans, quietly);
  if (onAll) return isPredictorOf(folder, await inputsOfNetworks(context, dataset, plans, [onAll]));
  const found = await crossValidation(context.folders, dataset, plans, quietly);
  for (const configuration of found.configurations) {
    for (const fold of configuration.compared) {
      if (!(await areScoresCurrent(context, dataset, foldOf(dataset, configuration, fold)))) return false;
    }
  }
  const givenUp = await givenUpFor(context.folders, dataset, plans);
  return isPredictorOf(folder, await inputsOfChoice(context, dataset, plans, found, givenUp, options));
}
