import { type EvaluationSummary, labelSet, listed, type ModelDataset } from "@nnunet/core";
import { labelsNotFound, labelTitles } from "@nnunet/evaluate";

/**
 * What must be known of labels that none of the cases has on which a predictor was chosen: their scores, and those of the
 * predictor where there are no others, say nothing.
 *
 * @param summary - of its validation cases
 */
export function notScoredWarning({ cases, mean }: EvaluationSummary, dataset: ModelDataset): string[] {
  const isThere = (key: string) => cases.some(({ metrics }) => (metrics[key]?.referenceVoxels ?? 0) > 0);
  const absent = labelTitles({ mean }, labelSet(dataset)).filter(({ key }) => !isThere(key));
  if (absent.length === 0) return [];
  const titles = listed(absent.map(({ title }) => title));
  return [
    `no validation case has ${titles}: nothing says whether this predictor finds ${absent.length > 1 ? "them" : "it"}`,
  ];
}

/**
 * What must be known of a predictor that has not learnt a label, loud, because a small number among others is read over.
 *
 * @param summary - of its validation cases
 * @returns one sentence, or none
 */
export function notFoundWarning(summary: EvaluationSummary, dataset: ModelDataset): string[] {
  const lost = labelsNotFound(summary);
  if (lost.length === 0) return [];
  const titles = new Map(labelTitles(summary, labelSet(dataset)).map(({ key, title }) => [key, title]));
  const each = lost.map(({ key, dice, isNeverPredicted }) =>
    isNeverPredicted ? `${titles.get(key)} in no case` : `${titles.get(key)} with a mean Dice of ${dice.toFixed(4)}`,
  );
  const labels = Object.values(summary.mean).filter(({ dice }) => !Number.isNaN(dice)).length;
  const what = lost.length >= labels ? "this predictor finds nothing" : "this predictor does not find every label";
  return [
    `${what}: ${listed(each)}; train longer, or look whether the labels lie on their images, before anybody uses it`,
  ];
}
