import { expect, test } from "@jest/globals";
import { caseMetrics, findBestConfiguration, summarise } from "@nnunet/evaluate";
import { labelSet } from "@nnunet/core";
import type { BestPredictor } from "@nnunet/pipeline";
import { describeBest } from "../src/describe/describe-best.ts";

const dataset = { channelNames: ["CT"], labels: { background: 0, liver: 1, lesion: 2 }, fileEnding: ".nii.gz" };

/** Two cases of ten voxels of each label, of which so many are found. */
const summary = (found: number) =>
  summarise(
    ["x.nii.gz", "y.nii.gz"].map((name) => ({
      referenceFile: name,
      predictionFile: name,
      metrics: caseMetrics(
        Int16Array.from({ length: 20 }, (_, i) => 1 + Number(i >= 10)),
        Int16Array.from({ length: 20 }, (_, i) => (i % 10 < found ? 1 + Number(i >= 10) : 0)),
        labelSet(dataset),
      ),
    })),
  );

const best = (adopted: readonly boolean[]): BestPredictor => ({
  folder: "predictor",
  configurations: ["2d"],
  chosen: "2d is the best.",
  ranking: findBestConfiguration([
    { configurations: ["2d"], summary: summary(8) },
    { configurations: ["3d_fullres"], summary: summary(5) },
  ]).ranking,
  leftOut: [],
  validation: summary(adopted.includes(true) ? 9 : 8),
  crossval: "crossval_of_predictor",
  postprocessing: {
    for_which_classes: adopted.includes(true) ? [[1, 2]] : [],
    decisions: adopted.map((one, i) => ({
      labels: [[1, 2], [1]][i],
      dice_before: { "1": 0.8, "2": 0.9 },
      dice_after: { "1": 0.9, "2": 1 },
      adopted: one,
    })),
  },
  warnings: ["this predictor finds nothing"],
  made: true,
});

test("the two means are told apart, once; what was adopted and what was rejected is said", () => {
  const text = describeBest(best([true, false]), dataset).join("\n");
  expect(text).toContain("compared, before postprocessing");
  expect(text).toContain("too few cases to tell");
  expect(text).toContain(
    "Postprocessing adopted: keep the largest component of liver + lesion alone (mean Dice 0.8500 → 0.9500).",
  );
  expect(text).toContain("Tried and rejected: keep the largest component of liver alone (mean Dice 0.8500 → 0.9500).");
  expect(text.match(/before postprocessing, 0\.9474 after: the table above/g)).toHaveLength(1);
  expect(text).toContain("WARNING: this predictor finds nothing");
  expect(text).toContain("Its validation cases, postprocessed, with scores: crossval_of_predictor");
});

test("where nothing helped there is one mean, and no word of a second", () => {
  const text = describeBest(best([false, false]), dataset).join("\n");
  expect(text).toContain("Postprocessing: none, because nothing that was tried made it better.");
  expect(text).toContain("Mean Dice 0.8889 before and after postprocessing.");
  expect(text).not.toContain("table above");
});
