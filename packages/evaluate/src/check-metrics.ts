import { FileError, type LabelMetrics, type LabelSet, labelMetrics, show } from "@nnunet/core";
import { labelGroups } from "./case-metrics.ts";

/** What is wrong with the scores that an evaluator gives of a case, in sentences. */
export function metricsProblems(scores: unknown, labels: LabelSet): string[] {
  if (scores instanceof Promise) return ["caseMetrics() returns a promise; it is synchronous"];
  if (typeof scores !== "object" || scores === null) return [`caseMetrics() returns ${show(scores)}, no scores`];
  const keys = labelGroups(labels).map(({ key }) => key);
  const odd = Object.keys(scores).filter((key) => !keys.includes(key));
  const problems = odd.length > 0 ? [`scores ${odd.join(", ")}, which is no label or region of the dataset`] : [];
  for (const key of keys) {
    const metrics = (scores as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>)[key];
    if (!metrics) {
      problems.push(`there is no score of "${key}"`);
      continue;
    }
    for (const name of Object.keys(labelMetrics)) {
      if (typeof metrics[name] !== "number")
        problems.push(`${name} of "${key}" is ${String(metrics[name])}, no number`);
    }
    const { dice } = metrics;
    if (typeof dice === "number" && (dice < 0 || dice > 1)) problems.push(`dice of "${key}" is ${dice}, not in [0, 1]`);
  }
  return problems;
}

/**
 * @param evaluator - its name
 * @throws {FileError} if what it gives are no scores of the dataset's labels: a mean would leave them out in silence
 */
export function checkedMetrics(
  scores: Record<string, LabelMetrics>,
  labels: LabelSet,
  evaluator: string,
): Record<string, LabelMetrics> {
  const [problem] = metricsProblems(scores, labels);
  if (problem !== undefined) throw new FileError(`evaluator ${evaluator}`, `gives no scores of a case: ${problem}`);
  return scores;
}
