import { counted, type EvaluationSummary, finiteOrNull, type Plans, type RawDataset } from "@nnunet/core";
import {
  certaintyOf,
  diceIntervals,
  fewestToCompare,
  groupCount,
  type Interval,
  type RankedCandidate,
} from "@nnunet/evaluate";
import { TRAINER_NAME } from "../folders.ts";
import { softwareVersion } from "../software-version.ts";
import type { CrossValidation } from "./cross-validation.ts";
import type { GivenUpRecord } from "../records/given-up-record.ts";

/** What was compared, and what came of it. */
export interface Selection {
  readonly crossValidation: CrossValidation;
  readonly ensembles: boolean;
  /** Best first. */
  readonly ranking: readonly RankedCandidate[];
  readonly summaries: ReadonlyMap<string, EvaluationSummary>;
  /** As the postprocessor stage writes it. */
  readonly postprocessing: unknown;
  readonly postprocessor: string;
  readonly rules: string;
  readonly postprocessed: EvaluationSummary;
}

/** One word for a candidate: "2d", or "2d + 3d_fullres" for the mean of two. */
export const nameOfCandidate = (configurations: readonly string[]) => configurations.join(" + ");

/**
 * `inference_information.json`: the keys of nnU-Net v2 with its meaning, paths relative to the predictor's folder, and
 * below `nnunet_ts` everything else that a reader needs to judge the choice. No case is named.
 */
export function inferenceInformation(
  dataset: RawDataset,
  plans: Plans,
  selection: Selection,
  {
    givenUp,
    warnings = [],
  }: { readonly givenUp?: GivenUpRecord | undefined; readonly warnings?: readonly string[] } = {},
): unknown {
  const { crossValidation, ranking, summaries, postprocessed } = selection;
  const best = ranking[0]!;
  const groups = groupCount(postprocessed);
  const model = (configuration: string) => ({
    configuration,
    trainer: TRAINER_NAME,
    plans_identifier: plans.plansName,
  });
  const folds = crossValidation.folds;
  return {
    folds,
    dataset_name_or_id: dataset.name,
    considered_models: crossValidation.configurations.map(({ configuration }) => model(configuration)),
    ensembling_allowed: selection.ensembles,
    all_results: Object.fromEntries(
      inOrderOfTrial(ranking, crossValidation).map(({ configurations, score }) => [
        identifier(configurations, plans.plansName, folds),
        score,
      ]),
    ),
    best_model_or_ensemble: {
      result_on_crossval_pre_pp: best.score,
      result_on_crossval_post_pp: diceIntervals(postprocessed).foregroundMean.mean,
      postprocessing_file: "postprocessing.json",
      some_plans_file: "plans.json",
      selected_model_or_models: best.configurations.map(model),
    },
    nnunet_ts: {
      software_version: softwareVersion,
      chosen: chosenBecause(selection),
      validation_cases: postprocessed.cases.length,
      confidence: {
        method: `percentile bootstrap over ${groups === undefined ? "cases" : "groups of cases"}`,
        ...(groups !== undefined && { groups }),
        level: 0.95,
        samples: 1000,
        seed: 0,
        fewest_to_compare: fewestToCompare,
      },
      ranking: ranking.map(({ configurations, score, interval, behindBest }, place) => ({
        configurations,
        dice: score,
        interval: intervalToJson(interval),
        probability_that_best_is_better: place === 0 ? null : finiteOrNull(behindBest), // of the best itself neither is known
        certainty: place === 0 ? null : certaintyOf(behindBest),
        labels: labelScores(summaries.get(nameOfCandidate(configurations))!),
      })),
      not_compared: [
        ...crossValidation.leftOut,
        ...(givenUp?.givenUp ?? []).map((reason) => ({ budget: givenUp!.budget, reason })),
      ],
      ...(warnings.length > 0 && { warnings }),
      postprocessing: {
        stage: selection.postprocessor,
        rules: selection.rules,
        trials: selection.postprocessing,
        interval: intervalToJson(diceIntervals(postprocessed).foregroundMean),
        labels: labelScores(postprocessed),
      },
    },
  };
}

/** One sentence for a person. */
export function chosenBecause({ ranking, crossValidation, postprocessed }: Selection): string {
  const [best, second] = ranking;
  const { folds } = crossValidation;
  const over = `the ${postprocessed.cases.length} validation cases of ${folds.length === 1 ? "fold" : "folds"} ${folds.join(", ")}`;
  const name = nameOfCandidate(best!.configurations);
  if (!second) return `${name} is all there is: Dice ${decimals(best!.score)} over ${over}.`;
  const other = `${nameOfCandidate(second.configurations)} (${decimals(second.score)})`;
  if (second.score === best!.score) {
    return `${name} has a Dice of ${decimals(best!.score)} over ${over}, as has ${other}, and is the simpler one.`;
  }
  if (certaintyOf(second.behindBest) === "too few cases") {
    const what = counted(evidence(postprocessed), groupCount(postprocessed) === undefined ? "case" : "group");
    return `${name} has the best Dice, ${decimals(best!.score)} over ${over}, before ${other}; of ${what} nobody can tell whether it would be ahead with others of the same kind (too few cases to tell).`;
  }
  const chance = Math.round(100 * second.behindBest);
  return `${name} has the best Dice, ${decimals(best!.score)} over ${over}, before ${other}; with other cases of the same kind it would be ahead of that in about ${chance} of 100.`;
}

/** How many cases, or groups of cases that belong together, stand for themselves. */
const evidence = (summary: EvaluationSummary) => groupCount(summary) ?? summary.cases.length;

const decimals = (dice: number) => dice.toFixed(4);

/** nnU-Net v2's name of a model or ensemble. */
function identifier(configurations: readonly string[], plansName: string, folds: readonly number[]): string {
  const names = configurations.map((configuration) => `${TRAINER_NAME}__${plansName}__${configuration}`);
  return names.length === 1 ? names[0]! : `ensemble___${names.join("___")}___${folds.join("_")}`;
}

/** Singles as they were compared, then pairs, as nnU-Net v2 lists them. */
function inOrderOfTrial(
  ranking: readonly RankedCandidate[],
  { configurations }: CrossValidation,
): readonly RankedCandidate[] {
  const place = new Map(configurations.map(({ configuration }, i) => [configuration, i]));
  const key = (candidate: RankedCandidate) =>
    candidate.configurations.reduce(
      (sum, name) => sum * place.size + place.get(name)!,
      (candidate.configurations.length - 1) * place.size ** 2,
    );
  return [...ranking].sort((a, b) => key(a) - key(b));
}

function labelScores(summary: EvaluationSummary): unknown {
  const { mean } = diceIntervals(summary);
  return Object.fromEntries(
    Object.entries(mean).map(([label, interval]) => [
      label,
      { dice: finiteOrNull(interval.mean), interval: intervalToJson(interval) },
    ]),
  );
}

const intervalToJson = ({ low, high }: Interval) => [finiteOrNull(low), finiteOrNull(high)];
