import {
  type EvaluationSummary,
  finiteOrNull,
  isJsonObject,
  modelDatasetToJson,
  type Plans,
  plansToJson,
  type RawDataset,
  type StageOptions,
} from "@nnunet/core";
import { exists, readJson, whileLocked } from "@nnunet/core/node";
import {
  type Candidate,
  candidateConfigurations,
  diceIntervals,
  findBestConfiguration,
  type RankedCandidate,
  summarise,
} from "@nnunet/evaluate";
import { ensembleFolder, finalPredictorFolder, modelFolderPaths, predictorPaths } from "../folders.ts";
import { contentHash, recordedHash } from "../records/made-from.ts";
import { softwareVersion } from "../software-version.ts";
import { type Context, identity } from "../stages.ts";
import { casePairs, choosePostprocessing } from "./choose-postprocessing.ts";
import {
  type CrossValidation,
  type CrossValidationOptions,
  crossValidation,
  type LeftOut,
} from "./cross-validation.ts";
import { caseOf } from "./validation-cases.ts";
import { completeProbabilities, type ProbabilityOptions } from "./fold-probabilities.ts";
import { chosenBecause, inferenceInformation, nameOfCandidate, type Selection } from "./inference-information.ts";
import { scoreEnsemble } from "./score-ensembles.ts";
import { isIntactPredictor, writePredictor } from "./write-predictor.ts";

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
  /** Best first, before postprocessing. */
  readonly ranking: readonly RankedCandidate[];
  readonly leftOut: readonly LeftOut[];
  /** Of the chosen one, after postprocessing. */
  readonly validation: EvaluationSummary;
  /** As the postprocessor stage writes it. */
  readonly postprocessing: unknown;
  /** False if the predictor was there, made from the same. */
  readonly made: boolean;
}

/**
 * From the trained folds of a plan to the final predictor: compares every configuration and every pair on the validation
 * cases of all folds, by mean foreground Dice, ties to the simpler; decides the postprocessing of the best; and writes a
 * folder that predicts by itself.
 *
 * What was compared before from the same models is kept.
 *
 * @throws {FileError} if nothing can be compared, the output holds something else, or with `strict` something is missing
 * @throws {InvalidArgumentError} if no label has a score
 * @see paper, Methods "Empirical parameters"; docs/method.md §8
 */
export async function findBest(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  options: FindBestOptions = {},
): Promise<BestPredictor> {
  const { ensembles = true, signal, onEvent } = options;
  const folder = options.output ?? finalPredictorFolder(context.folders, dataset.name, plans.plansName);
  const found = await crossValidation(context.folders, dataset, plans, options);
  const work = async () => {
    const selection = await select(context, dataset, plans, found, { ...options, ensembles });
    const best = selection.ranking[0]!;
    const chosen = chosenBecause(selection);
    onEvent?.({ type: "message", stage: "find-best", level: "info", text: chosen });
    const members = best.configurations.map((name) => {
      const { modelFolder, folds } = found.configurations.find(({ configuration }) => configuration === name)!;
      return { configuration: name, modelFolder, folds };
    });
    const information = inferenceInformation(dataset, plans, selection);
    const madeFrom = await inputsOfChoice(context, dataset, plans, found, options);
    const made = !(await isUpToDate(folder, madeFrom));
    if (made) {
      const { mean, low, high, cases } = diceIntervals(selection.postprocessed).foregroundMean;
      const aside = await writePredictor(folder, {
        dataset: dataset.json,
        plans,
        members,
        postprocessing: selection.postprocessing,
        information,
        description: {
          dataset: dataset.name,
          plans: plans.plansName,
          postprocessor: context.stages.postprocessor.name,
          score: { dice: finiteOrNull(mean), low: finiteOrNull(low), high: finiteOrNull(high), cases },
          chosen,
          madeFrom,
        },
      });
      if (aside !== undefined) {
        const text = `the predictor that was there had been changed by hand, and is kept: ${aside}`;
        onEvent?.({ type: "message", stage: "find-best", level: "warning", text });
      }
    }
    return {
      folder,
      configurations: best.configurations,
      chosen,
      ranking: selection.ranking,
      leftOut: found.leftOut,
      validation: selection.postprocessed,
      postprocessing: selection.postprocessing,
      made,
    };
  };
  const lock = { wait: { stage: "find-best" }, ...(signal && { signal }), ...(onEvent && { onEvent }) };
  return whileLocked(folder, "choosing the final predictor", work, lock);
}

/** Scores all candidates, ranks them, and decides the postprocessing of the best. */
async function select(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  found: CrossValidation,
  { ensembles, ...options }: FindBestOptions & { readonly ensembles: boolean },
): Promise<Selection> {
  const byName = new Map(found.configurations.map((each) => [each.configuration, each]));
  const trained = [...byName.keys()];
  const compared = candidateConfigurations(trained).filter((names) => ensembles || names.length === 1);
  if (compared.some((names) => names.length > 1)) {
    for (const each of found.configurations) await completeProbabilities(context, dataset, each, options);
  }
  const candidates: Candidate[] = [];
  const summaries = new Map<string, EvaluationSummary>();
  for (const configurations of compared) {
    const members = configurations.map((name) => byName.get(name)!);
    const summary =
      members.length === 1
        ? summarise(members[0]!.compared.flatMap(({ summary: { cases } }) => cases))
        : await scoreEnsemble(context, dataset, plans, members, options);
    candidates.push({ configurations, summary });
    summaries.set(nameOfCandidate(configurations), summary);
  }
  const { ranking } = findBestConfiguration(candidates);
  const best = ranking[0]!.configurations;
  const [single] = best;
  const pairs =
    best.length === 1
      ? byName.get(single!)!.compared.flatMap(({ paths, summary }) => casePairs(dataset, paths.validation, summary))
      : casePairs(
          dataset,
          ensembleFolder(context.folders, dataset.name, plans.plansName, best),
          summaries.get(nameOfCandidate(best))!,
        );
  const chosen = await choosePostprocessing(context, dataset, plans, pairs, options);
  const { postprocessor } = context.stages;
  return {
    crossValidation: found,
    ensembles,
    ranking,
    summaries,
    postprocessing: JSON.parse(JSON.stringify(postprocessor.toJson(chosen.decided) ?? null)),
    postprocessor: identity(postprocessor),
    rules: chosen.rules,
    postprocessed: chosen.summary,
  };
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
  const found = await crossValidation(context.folders, dataset, plans, quietly);
  const folder = options.output ?? finalPredictorFolder(context.folders, dataset.name, plans.plansName);
  return isUpToDate(folder, await inputsOfChoice(context, dataset, plans, found, options));
}

/** All that the choice and the predictor depend on: folds with their trainings and scores, stages, and options. */
async function inputsOfChoice(
  { stages }: Context,
  dataset: RawDataset,
  plans: Plans,
  { configurations, leftOut }: CrossValidation,
  { ensembles = true }: Pick<FindBestOptions, "ensembles">,
): Promise<string> {
  const folds: unknown[] = [];
  for (const { configuration, modelFolder, folds: own, compared } of configurations) {
    for (const fold of own) {
      const { madeFrom } = modelFolderPaths(modelFolder).fold(fold);
      const validated = compared.find((each) => each.fold === fold);
      const cases = validated?.summary.cases.map(({ referenceFile, metrics }) => [caseOf(referenceFile), metrics]);
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
    ensembles,
    made,
  ]);
}

async function isUpToDate(folder: string, madeFrom: string): Promise<boolean> {
  const { description } = predictorPaths(folder);
  if (!(await exists(description))) return false;
  const json = await readJson(description).catch(() => undefined);
  return isJsonObject(json) && json["made_from"] === madeFrom && (await isIntactPredictor(folder));
}
