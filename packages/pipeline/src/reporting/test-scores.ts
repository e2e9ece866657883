import { join } from "node:path";
import type { Plans, RawDataset } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { bootstrapInterval, summaryFromJson } from "@nnunet/evaluate";
import type { TestScore } from "@nnunet/report";
import type { Context } from "../stages.ts";
import { testFolder } from "../steps/test-images.ts";
import { estimateOf } from "./candidate-scores.ts";

/** Scores of the images of imagesTs, which no training and no choice has seen, where they were segmented and labelsTs is there. */
export async function testScores(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  keys: readonly string[],
): Promise<TestScore[]> {
  const scores: TestScore[] = [];
  for (const configuration of Object.keys(plans.configurations)) {
    const folder = testFolder(context, dataset, { plansName: plans.plansName, configuration, folds: [] });
    const path = join(folder, "summary.json");
    if (!(await exists(path))) continue;
    const { cases } = summaryFromJson(await readJson(path), path);
    const dices = cases.map(({ metrics }) => keys.map((key) => metrics[key]?.dice ?? Number.NaN));
    scores.push({
      configurations: [configuration],
      dice: estimateOf(bootstrapInterval(dices)),
      labels: keys.map((_, label) => estimateOf(bootstrapInterval(dices.map((row) => row[label]!)))),
    });
  }
  return scores;
}
