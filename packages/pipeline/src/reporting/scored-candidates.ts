import { dirname, join } from "node:path";
import type { EvaluationSummary, LabelMetrics, Plans, RawDataset } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import {
  crossvalFolder,
  crossvalPaths,
  ensembleFolder,
  finalPredictorFolder,
  type Fold,
  type Folders,
} from "../folders.ts";
import { caseOf, fileName } from "../selection/validation-cases.ts";
import type { FoldResult } from "./fold-results.ts";

export interface ScoredCase {
  readonly id: string;
  /** Whose validation case it is. */
  readonly fold: Fold;
  readonly prediction: string;
  /** Of cases that belong together: intervals draw them together. */
  readonly group?: string;
  readonly metrics: Readonly<Record<string, LabelMetrics>>;
}

/** A configuration, or an ensemble of two, with every case of its cross-validation once. */
export interface ScoredCandidate {
  readonly configurations: readonly string[];
  readonly folds: readonly Fold[];
  readonly cases: readonly ScoredCase[];
  /** What its summaries say is to be known of the cases. */
  readonly remarks: readonly string[];
}

/**
 * Each configuration over the cases of its folds. A fold with a remark (its cases were trained on, or divided at random) is
 * left out if there are others.
 *
 * @param only - the folds that the selection compared
 */
export function scoredConfigurations(folds: readonly FoldResult[], only?: readonly Fold[]): ScoredCandidate[] {
  const names = [...new Set(folds.map(({ configuration }) => configuration))];
  return names.flatMap((name) => {
    const own = comparableFolds(folds, name).filter(({ fold }) => only === undefined || only.includes(fold));
    const seen = new Set<string>();
    const cases = own.flatMap(({ fold, paths, summary }) =>
      casesIn(summary!, paths.validation)
        .map((entry) => ({ ...entry, fold }))
        .filter(({ id }) => !seen.has(id) && seen.add(id)),
    );
    if (cases.length === 0) return [];
    const remarks = [...new Set(own.flatMap(({ summary }) => summary!.remark ?? []))];
    return [{ configurations: [name], folds: own.map(({ fold }) => fold), cases, remarks }];
  });
}

/** An ensemble as the selection scored it; undefined if its scores are gone or have other cases than its members. */
export async function scoredEnsemble(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  configurations: readonly string[],
  singles: readonly ScoredCandidate[],
): Promise<ScoredCandidate | undefined> {
  const member = singles.find((single) => single.configurations[0] === configurations[0]);
  const path = join(ensembleFolder(folders, dataset.name, plans.plansName, configurations), "summary.json");
  if (member === undefined || !(await exists(path))) return undefined;
  const cases = await sameCases(path, member);
  return cases && { configurations, folds: member.folds, cases, remarks: [] };
}

/**
 * The chosen candidate as it is handed over, with its postprocessing; undefined if that does not lie beside the final
 * predictor, or is that of other cases.
 *
 * @param chosen - before postprocessing
 */
export async function scoredPredictor(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  chosen: ScoredCandidate,
): Promise<ScoredCandidate | undefined> {
  const { summary } = crossvalPaths(crossvalFolder(finalPredictorFolder(folders, dataset.name, plans.plansName)));
  if (!(await exists(summary))) return undefined;
  const cases = await sameCases(summary, chosen);
  return cases && { ...chosen, cases };
}

/** The cases of a summary, each with the fold and group that it has elsewhere; undefined if they are others. */
async function sameCases(summary: string, { cases: known }: ScoredCandidate): Promise<ScoredCase[] | undefined> {
  const byId = new Map(known.map((entry) => [entry.id, entry]));
  const cases = casesIn(summaryFromJson(await readJson(summary), summary), dirname(summary)).flatMap((entry) => {
    const other = byId.get(entry.id);
    if (other === undefined) return [];
    return [{ ...entry, fold: other.fold, ...(other.group !== undefined && { group: other.group }) }];
  });
  return cases.length === known.length ? cases : undefined;
}

/** The results folder may have been moved since: predictions lie beside their summary. */
function casesIn({ cases }: EvaluationSummary, folder: string): Omit<ScoredCase, "fold">[] {
  return cases.map(({ predictionFile, metrics, group }) => ({
    id: caseOf(predictionFile),
    ...(group !== undefined && { group }),
    prediction: join(folder, fileName(predictionFile)),
    metrics,
  }));
}

function comparableFolds(folds: readonly FoldResult[], configuration: string): FoldResult[] {
  const validated = folds.filter((fold) => fold.configuration === configuration && fold.summary !== undefined);
  const unseen = validated.filter(({ summary }) => summary!.remark === undefined);
  return unseen.length > 0 ? unseen : validated;
}
