import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { nnunet, withScratch } from "./run-nnunet.ts";

test("the demo's validation Dice is above 0.85 for each label, as is that of the images kept aside", () =>
  withScratch(async (scratch) => {
    const { code, stdout } = await nnunet("demo", "--json", "--output", join(scratch, "demo"));
    expect(code).toBe(0);
    const { folds, test: kept } = JSON.parse(stdout);
    for (const summary of [folds[0].validation, kept[0].summary]) {
      for (const label of ["1", "2"]) expect(summary.mean[label].Dice).toBeGreaterThan(0.85);
    }
  }));

const hippocampus = resolve("../shared/data/Task04_Hippocampus");
const testWithData = existsSync(hippocampus) ? test : test.skip;
if (!existsSync(hippocampus)) console.warn(`hippocampus test skipped: ${hippocampus} is not there`);

testWithData("a Decathlon folder goes the whole road by one command", () =>
  withScratch(async (_, roots) => {
    const size = ["--base-features", "4", "--batch-size", "2", "--epochs", "3", "--iterations-per-epoch", "50"];
    const { code, stdout } = await nnunet(
      "run",
      hippocampus,
      "-c",
      "3d_fullres",
      "-f",
      "0",
      ...size,
      "--json",
      ...roots,
    );
    expect(code).toBe(0);
    const { folds } = JSON.parse(stdout);
    expect(folds[0].validation.metric_per_case).toHaveLength(40);
    // 150 steps of a network of 4 features: far from good, but it has learnt where to look
    expect(folds[0].validation.foreground_mean.Dice).toBeGreaterThan(0.3);
  }),
);
