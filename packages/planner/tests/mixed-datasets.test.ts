import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import type { Shape3, Spacing } from "@nnunet/core";
import { defaultPlanner } from "@nnunet/planner";
import { datasetOf, uniformFingerprint } from "./support/golden.ts";

interface Expected {
  forward: number[];
  spacing: number[];
  median: number[];
  spacing2d: number[];
  median2d: number[];
}
type Row = { spacings: Spacing[]; shapes: Shape3[] } & Record<"paper" | "v2", Expected>;
// Made by tools/fixtures/planner/target_spacing.py with NumPy, from the paper and docs/method.md alone.
const rows: Row[] = JSON.parse(readFileSync(new URL("./fixtures/mixed_datasets.json", import.meta.url), "utf8"));

test.each(["paper", "v2"] as const)(
  "%s: spacing, axis order and median shape of 40 mixed datasets agree with NumPy",
  (ruleSet) => {
    let lowered = 0;
    for (const { spacings, shapes, ...expected } of rows) {
      const cases = spacings.length;
      const fingerprint = { ...uniformFingerprint([1, 1, 1], [9, 9, 9], cases), spacings, shapesAfterCrop: shapes };
      const plans = defaultPlanner.plan(fingerprint, datasetOf(cases), { ruleSet });
      const { forward, spacing, median, spacing2d, median2d } = expected[ruleSet];
      const [flat, full] = [plans.configurations["2d"]!, plans.configurations["3d_fullres"]!];
      const rejected = plans.explanation.find((d) => d.rule === "target-spacing")!.rejected;
      lowered += rejected.length;
      expect({
        forward: plans.transposeForward,
        spacing: full.spacing,
        median: full.medianImageSize,
        spacing2d: flat.spacing,
        median2d: flat.medianImageSize,
      }).toEqual({ forward, spacing, median, spacing2d, median2d });
    }
    expect(lowered).toBeGreaterThan(5); // the percentile rule was put to the test
  },
);
