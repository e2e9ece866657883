import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { fingerprintFromJson } from "@nnunet/core";
import { comparePlans, defaultPlanner, explainPlans } from "@nnunet/planner";

// The real 200 cases, measured by tools/fixtures/planner/hippocampus-fingerprint.mjs.
const file = new URL("../../../test-data/hippocampus200/dataset_fingerprint.json", import.meta.url);
const fingerprint = fingerprintFromJson(
  JSON.parse(readFileSync(file, "utf8")),
  "test-data/hippocampus200/dataset_fingerprint.json",
);
const dataset = {
  name: "Dataset004_Hippocampus",
  channelNames: ["MRI"],
  labels: { background: 0, Anterior: 1, Posterior: 2 },
  numTraining: 200,
  fileEnding: ".nii.gz",
};
const plans = defaultPlanner.plan(fingerprint, dataset);
const flat = plans.configurations["2d"]!;
const full = plans.configurations["3d_fullres"]!;
const texts = (configuration: string, rule: string) =>
  plans.explanation.find((d) => d.configuration === configuration && d.rule === rule)!.text;

test("the fingerprint is what NumPy measures over the same voxels", () => {
  // 654,519 foreground voxels, 12,696 different values: NumPy 1.24 over the files themselves
  expect(fingerprint.pooledForegroundIntensityPerChannel![0]).toEqual({
    mean: 18724.331504156584,
    std: expect.closeTo(56146.56284607178, 8),
    median: 360.8851013183594,
    min: 0,
    max: 465995.09375,
    percentile005: 29,
    percentile995: 274130.40625,
  });
});

test("is the paper's D4 row, with the batch sizes of 200 cases", () => {
  expect(Object.keys(plans.configurations)).toEqual(["2d", "3d_fullres"]);
  expect(full).toMatchObject({
    patchSize: [40, 56, 40],
    medianImageSize: [36, 50, 35],
    spacing: [1, 1, 1],
    batchSize: 7,
  });
  expect(flat).toMatchObject({ patchSize: [56, 40], medianImageSize: [50, 35], spacing: [1, 1], batchSize: 281 });
  expect(full.architecture.strides).toEqual([[1, 1, 1], ...Array(3).fill([2, 2, 2])]);
  expect(full.architecture.kernelSizes).toEqual(Array(4).fill([3, 3, 3]));
  expect(flat.architecture.strides).toEqual([[1, 1], ...Array(3).fill([2, 2])]);
  expect(full.normalizationSchemes).toEqual(["ZScore"]);
});

test("with the paper's 260 cases the same rules give its 9 and 366", () => {
  const at = (i: number) => i % fingerprint.spacings.length;
  const cases = Array.from({ length: 260 }, (_, i) => at(i));
  const { caseIds: _, shapesBeforeCrop: _b, ...rest } = fingerprint;
  const more = {
    ...rest,
    spacings: cases.map((i) => fingerprint.spacings[i]!),
    shapesAfterCrop: cases.map(() => [36, 50, 35] as const),
  };
  const paper = defaultPlanner.plan(more, { ...dataset, numTraining: 260 });
  expect(paper.configurations["3d_fullres"]!.batchSize).toBe(9);
  expect(paper.configurations["2d"]!.batchSize).toBe(366);
  expect(comparePlans(plans, paper).text).toBe(
    "2d: batchSize is 281 in the first plan and 366 in the second, because numberOfCases is 200 and 260\n" +
      "  (by way of median-shape).\n" +
      "3d_fullres: batchSize is 7 in the first plan and 9 in the second, because numberOfCases is 200 and\n" +
      "  260 (by way of median-shape).",
  );
});

test("the explanation says why it is not 9 and 366", () => {
  expect(texts("3d_fullres", "comparison-with-paper")).toBe(
    "The patch is that of the paper's Table F.7 (D4). The batch is 7 and not 9, because the paper had 260 training cases " +
      "and you have 200: 5 % of the voxels of 260 such cases are 9.14 patches, which gives 9; 5 % of yours are 7.03, which gives 7.",
  );
  expect(texts("2d", "comparison-with-paper")).toBe(
    "The patch is that of the paper's Table F.7 (D4). The batch is 281 and not 366, because the paper had 260 training cases " +
      "and you have 200: 5 % of the voxels of 260 such cases are 366 patches, which gives 366; 5 % of yours are 281, which gives 281.",
  );
  expect(texts("3d_fullres", "batch-size")).toBe(
    "The network corrects itself after each batch of patches. The memory would allow 57 patches, but to keep the network " +
      "from learning the training cases by heart, a batch may hold at most 5 % of their voxels: 630,000 of 12,600,000 (200 cases), " +
      "which is 7.03 patches of 89,600 voxels. So the batch has 7. The cap grows with the number of cases: about 28.44 more allow one patch more.",
  );
  const prose = explainPlans(plans).replace(/\s+/g, " ");
  expect(prose).toContain("The batch is 7 and not 9, because the paper had 260 training cases and you have 200");
  expect(prose).toContain("The batch is 281 and not 366");
});
