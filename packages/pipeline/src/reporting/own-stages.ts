import { isJsonObject, type Plans } from "@nnunet/core";
import { readRecord } from "../records/made-from.ts";
import type { FoldResult } from "./fold-results.ts";

/** What stages of one's own made, by their names, versions and contents: the plan, the trainings, the scores. */
export async function ownStages(plans: Plans, folds: readonly FoldResult[]): Promise<string[]> {
  const lines = plans.planner.includes("(sha256 ") ? [`the plan: planner ${plans.planner}`] : [];
  for (const { configuration, fold, paths, summary } of folds) {
    const { stages } = await readRecord(paths.madeFrom);
    const madeBy = { ...(isJsonObject(stages) ? stages : {}), evaluator: summary?.evaluator };
    const own = Object.entries(madeBy).filter(([, name]) => name !== undefined && name !== "default");
    if (own.length === 0) continue;
    lines.push(`${configuration}, fold ${fold}: ${own.map(([stage, name]) => `${stage} ${String(name)}`).join(", ")}`);
  }
  return lines;
}
