import { expect, test } from "@jest/globals";
import { labelSet } from "@nnunet/core";
import { twoStages } from "../../trainer/tests/two-stages.ts";
import { tinyPlans } from "../../unet-model/tests/tiny-plans.ts";
import { refuseUnreadable } from "../src/training/reduced-size.ts";
import { refuseLargeTraining } from "../src/training/training-memory.ts";

const labels = labelSet({
  channelNames: ["MRI"],
  labels: { background: 0, a: 1 },
  numTraining: 5,
  fileEnding: ".nii.gz",
});
const ofFeatures = (featuresPerStage: readonly number[]) =>
  tinyPlans(
    twoStages({
      featuresPerStage,
      convsPerStage: [2, 2],
      convsPerStageDecoder: [2],
      transposedConvBias: false,
      headBias: false,
    }),
    [16, 16],
  );

test("a network of more weights than feature maps is estimated by its weights: they filled the machine", () => {
  const train = (features: readonly number[]) =>
    refuseLargeTraining("2d", ofFeatures(features).configurations["2d"]!, 1, labels, {
      maxMemoryGb: 1,
      takenFrom: "cpu",
    });
  // 9 · 2000 · (2000 + 1000 + …) numbers, with momentum, gradients and copies of each
  expect(() => train([1000, 2000])).toThrow(/needs about [2-9](\.\d+)? GB of memory, but the limit is 1\.00 GB/);
  train([32, 64]);
});

test("sizes whose plan nobody could read are refused by the option that they were given with", () => {
  const plans = ofFeatures([20_000, 40_000]);
  expect(() => refuseUnreadable(plans, { baseFeatures: 20_000 })).toThrow(
    /^baseFeatures: expected a smaller one \(.* expected at most 536,870,912 weights in the network, got .*\), got 20000$/,
  );
  refuseUnreadable(ofFeatures([4, 8]), { baseFeatures: 4 });
});
