import type { Evaluator, LabelSet } from "@nnunet/core";
import { labelGroups } from "./case-metrics.ts";
import { metricsProblems } from "./check-metrics.ts";

/**
 * What any evaluator must keep to: one entry per label or region under its key, all metrics of `summary.json`, a Dice of 1
 * for a perfect segmentation, inputs left alone. Lists every violation, so that a test of any framework can expect an empty
 * list.
 *
 * @example expect(evaluatorConformance(myEvaluator, labelSet(dataset))).toEqual([]);
 */
export function evaluatorConformance(evaluator: Evaluator, labels: LabelSet): string[] {
  const problems: string[] = [];
  const known = labels.allowed.filter((label) => label !== labels.ignoreLabel);
  const reference = Int16Array.from({ length: 120 }, (_, i) => known[i % known.length]!);
  const prediction = Int16Array.from({ length: 120 }, (_, i) => known[(i + (i % 7 === 0 ? 1 : 0)) % known.length]!);
  const before = [reference.join(), prediction.join()];
  const compared = evaluator.caseMetrics(reference, prediction, labels);
  const again = evaluator.caseMetrics(reference, prediction, labels);
  if (JSON.stringify(again) !== JSON.stringify(compared)) problems.push("scoring twice gives two different scores");
  if (reference.join() !== before[0] || prediction.join() !== before[1]) problems.push("scoring changes its input");
  const perfect = evaluator.caseMetrics(reference, reference, labels);
  const keys = labelGroups(labels).map(({ key }) => key);
  problems.push(...metricsProblems(compared, labels));
  for (const key of keys) {
    if (!compared[key]) continue;
    if (perfect[key]?.dice !== 1) problems.push(`a perfect segmentation of "${key}" has Dice ${perfect[key]?.dice}`);
  }
  return problems;
}
