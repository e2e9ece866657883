import {
  type EvaluationSummary,
  InvalidArgumentError,
  type LabelMetrics,
  labelMetrics,
  meanOfDefined,
} from "@nnunet/core";

/**
 * The means over cases and labels of per-case metrics.
 *
 * Per label the mean is over the cases in which it is defined (a label absent from both reference and prediction has no
 * Dice); the mean over labels is plain, so that one label without any defined case makes it NaN instead of
 * hiding it.
 *
 * @param cases - at least one, all with the same labels
 * @throws {InvalidArgumentError} if there is no case, or two cases have different labels
 * @example summarise([{ referenceFile: "a.nii.gz", predictionFile: "a.nii.gz", metrics }]).foregroundMean.dice;
 * @see docs/method.md §8
 */
export function summarise(cases: EvaluationSummary["cases"]): EvaluationSummary {
  const [first] = cases;
  if (first === undefined) throw new InvalidArgumentError("cases", "at least one evaluated case", cases);
  const keys = Object.keys(first.metrics);
  for (const { referenceFile, metrics } of cases) {
    if (Object.keys(metrics).join() !== keys.join()) {
      throw new InvalidArgumentError(`cases, ${referenceFile}`, `the labels ${keys.join(", ")}`, Object.keys(metrics));
    }
  }
  const mean = Object.fromEntries(
    keys.map((key) => [
      key,
      combine(
        cases.map(({ metrics }) => metrics[key]!),
        meanOfDefined,
      ),
    ]),
  );
  return { foregroundMean: combine(Object.values(mean), plainMean), mean, cases };
}

function combine(metrics: readonly LabelMetrics[], mean: (values: readonly number[]) => number): LabelMetrics {
  const names = Object.keys(labelMetrics) as (keyof LabelMetrics)[];
  return Object.fromEntries(names.map((name) => [name, mean(metrics.map((m) => m[name]))])) as unknown as LabelMetrics;
}

const plainMean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
