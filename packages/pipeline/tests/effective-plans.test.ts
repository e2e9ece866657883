import { describe, expect, test } from "@jest/globals";
import type { Plans } from "@nnunet/core";
import { effectivePlans } from "@nnunet/pipeline";

describe("effectivePlans", () => {
  const plans = {
    configurations: {
      "3d_fullres": { batchSize: 9, architecture: { featuresPerStage: [32, 64, 128, 256, 320, 320] } },
    },
    explanation: [],
  } as unknown as Plans;

  test("feature maps in proportion, batch as given, each told in the explanation", () => {
    const changed = effectivePlans(plans, "3d_fullres", { baseFeatures: 16, batchSize: 2 });
    expect(changed.configurations["3d_fullres"]).toMatchObject({
      batchSize: 2,
      architecture: { featuresPerStage: [16, 32, 64, 128, 160, 160] },
    });
    expect(changed.explanation.map((decision) => decision.text)).toEqual([
      "Trained with 16 base features instead of the planned 32: feature maps 16, 32, 64, 128, 160, 160.",
      "Trained with batches of 2 instead of the planned 9.",
    ]);
    expect(plans.configurations["3d_fullres"]!.batchSize).toBe(9);
  });
  test("no option, no change", () => expect(effectivePlans(plans, "3d_fullres", {})).toBe(plans));
  test("a configuration that the plan does not have and a size of zero are refused", () => {
    expect(() => effectivePlans(plans, "3d", {})).toThrow('unknown configuration "3d"; registered: 3d_fullres');
    expect(() => effectivePlans(plans, "3d_fullres", { baseFeatures: 0 })).toThrow(
      "baseFeatures: expected a positive integer, got 0",
    );
  });
});
