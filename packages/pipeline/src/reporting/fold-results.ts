import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { EvaluationSummary, Plans, RawDataset } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { type Fold, type FoldPaths, type Folders, resultsPaths } from "../folders.ts";

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
  const results: FoldResult[] = [];
  for (const configuration of Object.keys(plans.configurations)) {
    const { folder, fold: pathsOf } = resultsPaths(folders, dataset.name, plans.plansName, configuration);
    for (const fold of foldsIn(await readdir(folder).catch(() => []))) {
      const paths = pathsOf(fold);
      if (!((await exists(paths.summary)) || (await exists(logPath(paths))))) continue;
      const summary = (await exists(paths.summary))
        ? summaryFromJson(await readJson(paths.summary), paths.summary)
        : undefined;
      results.push({ configuration, fold, paths, ...(summary && { summary }) });
    }
  }
  return results;
}

export const logPath = ({ folder }: FoldPaths) => join(folder, "training_log.ndjson");

/** Numbers first, in their order. */
function foldsIn(names: readonly string[]): Fold[] {
  const numbers = names.flatMap((name) => {
    const number = /^fold_(\d{1,4})$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  return [...numbers.sort((a, b) => a - b), ...(names.includes("fold_all") ? (["all"] as const) : [])];
}
