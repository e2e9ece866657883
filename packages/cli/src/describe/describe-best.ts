import type { ModelDataset } from "@nnunet/core";
import type { BestPredictor } from "@nnunet/pipeline";
import { useIt } from "../next-hint.ts";
import { diceTable } from "./dice-table.ts";
import { postprocessingLines } from "./postprocessing-lines.ts";
import { rankingTable } from "./ranking-table.ts";

/** What was compared, what was chosen and why, and how good it is: once, with what each number is of. */
export function describeBest(best: BestPredictor, dataset: ModelDataset): string[] {
  const { ranking, chosen, validation, warnings, crossval, made, folder } = best;
  const lines = ranking.length === 0 ? [] : [...rankingTable(best), "", chosen, ""];
  const last = postprocessingLines(best, dataset);
  if (last.length > 0) lines.push(...last, "");
  if (validation) lines.push(...diceTable(validation, dataset), "");
  for (const warning of warnings) lines.push(`WARNING: ${warning}`, "");
  if (crossval !== undefined) lines.push(`Its validation cases, postprocessed, with scores: ${crossval}`);
  return [...lines, `Final predictor${made ? "" : " (up to date)"}: ${folder}`, useIt(folder)];
}
