import { join } from "node:path";
import type { Plans, RawDataset } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { bootstrapInterval, summaryFromJson } from "@nnunet/evaluate";
import type { TestScore } from "@nnunet/report";
import type { Context } from "../stages.ts";
import { testFolder } from "../steps/test-images.ts";
import { estimateOf } from "./candidate-scores.ts";

/**
 * Scores of the images of imagesTs, which no training and no choice has seen, where they were segmented and labelsTs is there.
 *
 * @param selected - what the final predictor consists of, if there is one
 */
export async function testScores(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  keys: readonly string[],
  selected: readonly string[] | undefined,
): Promise<TestScore[]> {
  const { plansName } = plans;
  const tested = [
    ...(selected ? [{ configurations: selected, folder: testFolder(context, dataset, { plansName }) }] : []),
    ...Object.keys(plans.configurations).map((configuration) => ({
      configurations: [configuration],
      folder: testFolder(context, dataset, { plansName, configuration, folds: [] }),
    })),
  ];
  const scores: TestScore[] = [];
  for (const { configurations, folder } of tested) {
    const path = join(folder, "summary.json");
    if (!(await exists(path))) continue;
    const { cases } = summaryFromJson(await readJson(path), path);
    const dices = cases.map(({ metrics }) => keys.map((key) => metrics[key]?.dice ?? Number.NaN));
    scores.push({
      configurations,
      dice: estimateOf(bootstrapInterval(dices)),
      labels: keys.map((_, label) => estimateOf(bootstrapInterval(dices.map((row) => row[label]!)))),
    });
  }
  return scores;
}
