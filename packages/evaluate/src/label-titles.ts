import type { EvaluationSummary, LabelSet } from "@nnunet/core";
import { labelGroups } from "./case-metrics.ts";

/** The labels or regions of a summary for a table: key and title of each, "1" and "1 anterior". */
export function labelTitles(
  summary: Pick<EvaluationSummary, "mean">,
  labels?: LabelSet | readonly string[],
): { readonly key: string; readonly title: string }[] {
  const keys = keysInOrder(summary, labels);
  const names = namesByKey(keys, labels);
  return keys.map((key) => ({ key, title: names.has(key) ? `${key} ${names.get(key)}` : key }));
}

function namesByKey(keys: readonly string[], labels: LabelSet | readonly string[] | undefined): Map<string, string> {
  if (labels === undefined) return new Map();
  if ("outputChannels" in labels) return new Map(labelGroups(labels).map(({ key }, i) => [key, labels.names[i]!]));
  // A record lists "2" before "(1, 2)" whatever was written first, so names alone cannot be told apart for regions.
  if (keys.some((key) => key.startsWith("("))) return new Map();
  return new Map(keys.flatMap((key, i) => (labels[i] === undefined ? [] : [[key, labels[i]] as const])));
}

/** As dataset.json lists them: an object of JSON puts "2" before "(1, 2)", whatever was written first. */
function keysInOrder(
  summary: Pick<EvaluationSummary, "mean">,
  labels: LabelSet | readonly string[] | undefined,
): string[] {
  const keys = Object.keys(summary.mean);
  if (labels === undefined || !("outputChannels" in labels)) return keys;
  const declared = labelGroups(labels).map(({ key }) => key);
  return [...declared.filter((key) => keys.includes(key)), ...keys.filter((key) => !declared.includes(key))];
}
