import { isJsonObject, labelSet, type ModelDataset } from "@nnunet/core";
import { labelGroups } from "@nnunet/evaluate";
import type { BestPredictor } from "@nnunet/pipeline";
import { postprocessingFromJson, type PostprocessingTrial, postprocessingTrials } from "@nnunet/postprocess";

/** What was done to the segmentations at the end, what was tried in vain, and what came of it. */
export function postprocessingLines(
  { postprocessing, ranking, validation }: Pick<BestPredictor, "postprocessing" | "ranking" | "validation">,
  dataset: ModelDataset,
): string[] {
  const [best] = ranking;
  if (!best || !validation) return [];
  return [...decisions(postprocessing, dataset), scores(best.score, validation.foregroundMean.dice)];
}

function decisions(json: unknown, dataset: ModelDataset): string[] {
  // a stage of somebody's own has a form of its own
  if (!isJsonObject(json) || !Array.isArray(json["for_which_classes"])) return [];
  const labels = labelSet(dataset);
  const names = new Map(labelGroups(labels).map(({ key }, i) => [key, labels.names[i] ?? key]));
  const trials = postprocessingTrials(postprocessingFromJson(json, "postprocessing.json"), names);
  const [adopted, rejected] = [true, false].map((which) => trials.filter((trial) => trial.adopted === which));
  const lines = [
    adopted!.length === 0
      ? "Postprocessing: none, because nothing that was tried made it better."
      : `Postprocessing adopted: keep ${adopted!.map(shown).join(", then ")}.`,
  ];
  if (rejected!.length > 0) lines.push(`Tried and rejected: keep ${rejected!.map(shown).join("; keep ")}.`);
  return lines;
}

const shown = ({ what, before, after }: PostprocessingTrial) =>
  `${what} (mean Dice ${decimals(before)} → ${decimals(after)})`;

function scores(before: number, after: number): string {
  const tables = "the table above is before postprocessing, the one below is what the final predictor does, after it";
  return before === after
    ? `Mean Dice ${decimals(after)} before and after postprocessing.`
    : `Mean Dice ${decimals(before)} before postprocessing, ${decimals(after)} after: ${tables}.`;
}

const decimals = (value: number) => (Number.isNaN(value) ? "–" : value.toFixed(4));
