import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { EvaluationSummary, Plans, RawDataset, Splits } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { type Fold, type FoldPaths, type Folders, foldsAmong, resultsPaths } from "../folders.ts";
import { caseGroups, withGroups } from "../training/case-groups.ts";
import { isOfDivision, otherDivision, writtenSplits } from "../selection/cross-validation.ts";

/** What one fold of a configuration left behind. */
export interface FoldResult {
  readonly configuration: string;
  readonly fold: Fold;
  readonly paths: FoldPaths;
  /** Absent until its cases are validated. */
  readonly summary?: EvaluationSummary;
}

/** Every fold of every configuration of the plan that has a folder, in the plan's order. */
export async function foldResults(folders: Folders, dataset: RawDataset, plans: Plans): Promise<FoldResult[]> {
  const splits = await writtenSplits(folders, dataset);
  const groups = await caseGroups(folders, dataset.name);
  const results: FoldResult[] = [];
  for (const configuration of Object.keys(plans.configurations)) {
    const { folder, fold: pathsOf } = resultsPaths(folders, dataset.name, plans.plansName, configuration);
    for (const fold of foldsAmong(await readdir(folder).catch(() => []))) {
      const paths = pathsOf(fold);
      if (!((await exists(paths.summary)) || (await exists(logPath(paths))))) continue;
      const summary = (await exists(paths.summary))
        ? await remarked(
            withGroups(summaryFromJson(await readJson(paths.summary), paths.summary), groups),
            fold,
            paths,
            splits,
          )
        : undefined;
      results.push({ configuration, fold, paths, ...(summary && { summary }) });
    }
  }
  return results;
}

/** A fold of an earlier division may have seen what the others are validated on: it is none of the cross-validation. */
async function remarked(
  summary: EvaluationSummary,
  fold: Fold,
  paths: FoldPaths,
  splits: Splits | undefined,
): Promise<EvaluationSummary> {
  if (summary.remark !== undefined || fold === "all" || !splits) return summary;
  if (await isOfDivision(splits, fold, paths, summary)) return summary;
  return { ...summary, remark: `Fold ${fold} was ${otherDivision}.` };
}

export const logPath = ({ folder }: FoldPaths) => join(folder, "training_log.ndjson");
