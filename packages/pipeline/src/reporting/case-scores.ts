import { elementCount, type Fingerprint, finiteOrNull, labelSet, meanOfDefined, type RawDataset } from "@nnunet/core";
import { bootstrapInterval, labelGroups, labelsNotFound, summarise, volumeError } from "@nnunet/evaluate";
import { saysItsSpacing } from "@nnunet/io";
import type { CaseName, CaseScore, LabelSummary, ReportData } from "@nnunet/report";
import { estimateOf, groupsOf } from "./candidate-scores.ts";
import type { ScoredCandidate } from "./scored-candidates.ts";

/** How a case is called: by its place in the sorted list of ids, and by its id only where that was asked for. */
export function caseNames(dataset: RawDataset, withIds: boolean): (id: string) => CaseName {
  const sorted = dataset.trainingCases.map(({ id }) => id).sort((a, b) => (a < b ? -1 : 1));
  const numbers = new Map(sorted.map((id, i) => [id, i + 1]));
  return (id) => ({ number: numbers.get(id) ?? 0, ...(withIds && { id }) });
}

/** Labels or regions in the order of dataset.json, with their names. */
export function reportedLabels({ json }: Pick<RawDataset, "json">) {
  const labels = labelSet(json);
  return labelGroups(labels).map(({ key, ids }, i) => ({ key, ids: [...ids], name: labels.names[i] ?? key }));
}

/** Every case of a candidate, and the labels over all of them. */
export function scoresOf(
  dataset: RawDataset,
  candidate: ScoredCandidate,
  fingerprint: Fingerprint | undefined,
  nameOf: (id: string) => CaseName,
): Pick<NonNullable<ReportData["scores"]>, "configurations" | "dice" | "labels" | "cases" | "remarks"> {
  const { configurations, cases: scored, remarks } = candidate;
  const groups = groupsOf(candidate);
  const lost = new Set(notFound(candidate));
  const labels = reportedLabels(dataset);
  const spacings = new Map(fingerprint?.caseIds?.map((id, i) => [id, fingerprint.spacings[i]!]));
  const cases = scored.map(({ id, fold, metrics }): CaseScore => {
    const spacing = spacings.get(id);
    const ml = spacing !== undefined && saysItsSpacing({ spacing }) ? elementCount(spacing) / 1000 : undefined;
    const scores = labels.map(({ key }) => {
      const { dice, referenceVoxels, predictedVoxels } = metrics[key] ?? {
        dice: Number.NaN,
        referenceVoxels: 0,
        predictedVoxels: 0,
      };
      return {
        dice: finiteOrNull(dice),
        referenceMl: ml === undefined ? null : referenceVoxels * ml,
        predictedMl: ml === undefined ? null : predictedVoxels * ml,
        referenceVoxels,
        predictedVoxels,
      };
    });
    const mean = meanOfDefined(scores.map(({ dice }) => dice ?? Number.NaN));
    return { ...nameOf(id), fold, dice: finiteOrNull(mean), labels: scores };
  });
  return {
    configurations,
    dice: estimateOf(
      bootstrapInterval(
        cases.map((entry) => entry.labels.map(({ dice }) => dice ?? Number.NaN)),
        { groups },
      ),
    ),
    labels: labels.map(({ key, name }, i) => ({
      key,
      name,
      isFound: !lost.has(key),
      ...labelSummary(
        cases.map((entry) => entry.labels[i]!),
        groups,
      ),
    })),
    cases,
    remarks,
  };
}

/** The keys of labels that the references have and the predictions as good as never. */
function notFound({ cases }: ScoredCandidate): string[] {
  const entries = cases.map(({ metrics }) => ({ referenceFile: "", predictionFile: "", metrics }));
  return labelsNotFound(summarise(entries)).map(({ key }) => key);
}

function labelSummary(
  scores: readonly CaseScore["labels"][number][],
  groups: readonly (string | undefined)[],
): Omit<LabelSummary, "key" | "name" | "isFound"> {
  const errors = scores.map((score) => volumeError(score, [1, 1, 1]).relativeVolumeError);
  return {
    dice: estimateOf(
      bootstrapInterval(
        scores.map(({ dice }) => dice ?? Number.NaN),
        { groups },
      ),
    ),
    volumeError: estimateOf(bootstrapInterval(errors, { groups })),
    missed: scores.filter(({ referenceVoxels, predictedVoxels }) => referenceVoxels > 0 && predictedVoxels === 0)
      .length,
    invented: scores.filter(({ referenceVoxels, predictedVoxels }) => referenceVoxels === 0 && predictedVoxels > 0)
      .length,
  };
}
