import { summaryToJson } from "@nnunet/evaluate";
import type { RoadResult } from "@nnunet/pipeline";
import { diceTable } from "./dice-table.ts";

/** Scores and files, as a person wants to see them at the end. */
export function describeRoad({ dataset, folds, test }: RoadResult): string {
  const parts: string[] = [];
  for (const { configuration, fold, training } of folds) {
    parts.push(
      `\n${configuration}, fold ${fold}: ${training.validation.cases.length} ${fold === "all" ? "training" : "validation"} cases\n${diceTable(training.validation, dataset.json)}\nModel: ${training.model}`,
    );
  }
  for (const { configuration, folder, summary } of test) {
    parts.push(`\n${configuration}: images of imagesTs segmented into ${folder}`);
    if (summary) parts.push(`Against labelsTs, ${summary.cases.length} cases:\n${diceTable(summary, dataset.json)}`);
  }
  return parts.join("\n");
}

export function roadToJson({ dataset, folds, test }: RoadResult): unknown {
  return {
    dataset: dataset.folder,
    folds: folds.map(({ configuration, fold, training }) => ({
      configuration,
      fold,
      model: training.model,
      validation: summaryToJson(training.validation),
    })),
    test: test.map(({ configuration, folder, summary }) => ({
      configuration,
      folder,
      ...(summary ? { summary: summaryToJson(summary) } : {}),
    })),
  };
}
