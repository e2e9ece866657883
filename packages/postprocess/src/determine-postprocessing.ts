import {
  InvalidArgumentError,
  type LabelMetrics,
  type LabelSet,
  type StageOptions,
  throwIfCancelled,
  type ValidationCase,
} from "@nnunet/core";
import { type AcceptanceRules, acceptanceRules } from "./acceptance-rules.ts";
import { keepLargestComponents, type LabelGroup } from "./keep-largest-components.ts";
import type { MeanDice, Postprocessing, PostprocessingDecision } from "./postprocessing.ts";

export interface DeterminePostprocessingOptions extends Pick<StageOptions, "signal"> {
  /** `acceptanceRules.paper` by default. */
  readonly rules?: AcceptanceRules;
}

/**
 * Finds out on the validation cases of the cross-validation whether keeping only the largest component helps: first for
 * the whole foreground as one object, then, on top of what was adopted, for each label (or region) by itself.
 *
 * Cases are read one at a time, twice over (regions that overlap: once more per region), so that a data set of any
 * size fits into memory.
 *
 * @param cases - called once per reading; gives every validation case
 * @param labels - of the dataset
 * @param caseMetrics - `caseMetrics` of `@nnunet/evaluate`, or another measure of the same form
 * @throws {InvalidArgumentError} if there is no case
 * @throws {CancelledError} if `signal` is aborted
 * @example
 * const found = await determinePostprocessing(() => cases, labels, caseMetrics);
 * found.keepLargest; // [[1, 2], [1]]
 * @see paper, Methods "Empirical parameters"; docs/method.md §8
 */
export async function determinePostprocessing(
  cases: () => Iterable<ValidationCase> | AsyncIterable<ValidationCase>,
  labels: LabelSet,
  caseMetrics: (reference: Int16Array, prediction: Int16Array, labels: LabelSet) => Record<string, LabelMetrics>,
  { rules = acceptanceRules.paper, signal }: DeterminePostprocessingOptions = {},
): Promise<Postprocessing> {
  const { connectivity } = rules;
  let read = 0;
  /** Mean Dice per label for each way of treating the predictions. */
  const measure = async (ways: readonly (readonly LabelGroup[])[]): Promise<MeanDice[]> => {
    const tallies = ways.map(() => new Map<string, { sum: number; count: number }>());
    read = 0;
    for await (const { reference, prediction, shape } of cases()) {
      throwIfCancelled(signal, "choice of the postprocessing");
      for (const [i, groups] of ways.entries()) {
        const treated =
          groups.length === 0 ? prediction : keepLargestComponents(prediction, shape, groups, { connectivity });
        for (const [key, { dice }] of Object.entries(caseMetrics(reference, treated, labels))) {
          const tally = tallies[i]!.get(key) ?? { sum: 0, count: 0 };
          if (!Number.isNaN(dice)) tallies[i]!.set(key, { sum: tally.sum + dice, count: tally.count + 1 });
          else tallies[i]!.set(key, tally);
        }
      }
      read++;
    }
    if (read === 0) throw new InvalidArgumentError("cases", "at least one validation case", []);
    return tallies.map((tally) => Object.fromEntries([...tally].map(([key, { sum, count }]) => [key, sum / count])));
  };

  const decisions: PostprocessingDecision[] = [];
  const keepLargest: LabelGroup[] = [];
  const decide = (group: LabelGroup, before: MeanDice, after: MeanDice, adopted: boolean) => {
    decisions.push({ group, before, after, adopted });
    if (adopted) keepLargest.push(group);
    return adopted;
  };

  const [raw, asOne] = await measure([[], [labels.foreground]]);
  let current = raw!;
  if (decide(labels.foreground, raw!, asOne!, rules.acceptForeground(raw!, asOne!))) current = asOne!;

  const groups = labels.regions ?? labels.foreground.map((id) => [id]);
  if (groups.length > 1) {
    if (labels.regions === undefined) {
      // Labels exclude each other: what happens to one leaves the others' Dice alone, so one reading tells all.
      const [apart] = await measure([[...keepLargest, ...groups]]);
      for (const group of groups) {
        const key = keyOf(group);
        const after = { ...current, [key]: apart![key]! };
        if (decide(group, current, after, after[key]! > current[key]!)) current = after;
      }
    } else {
      for (const group of groups) {
        const key = keyOf(group);
        const [after] = await measure([[...keepLargest, group]]);
        if (decide(group, current, after!, after![key]! > current[key]!)) current = after!;
      }
    }
  }
  return { rules: rules.name, connectivity, keepLargest, cases: read, decisions };
}

/** The key of a label or region in metrics: "1", "(1, 2)". */
const keyOf = (group: LabelGroup) => (group.length === 1 ? String(group[0]) : `(${group.join(", ")})`);
