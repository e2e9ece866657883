import { expect, test } from "@jest/globals";
import { defaultEvaluator } from "@nnunet/evaluate";
import { defaultStages } from "@nnunet/pipeline";
import { flagWords, stageWords, plannerWords, trainingWords } from "../src/jobs/command-words.ts";

test("the flag of an option is its name in kebab case; what is not set is left out", () => {
  expect(
    flagWords({ baseFeatures: 16, update: true, randomSplit: false, plans: undefined, together: [0, "all"] }),
  ).toEqual(["--base-features", "16", "--update", "--together", "0", "all"]);
  expect(flagWords({ sampling: { foregroundOversampling: 1 } })).toBeUndefined();
});

test("settings of a training are words where the command line offers them, an optimiser with its options too", () => {
  const settings = { epochs: 8, deepSupervision: false, optimiser: { name: "sgd", momentum: 0.9 } } as never;
  expect(trainingWords({ settings, batchSize: 2 })).toEqual(
    "--epochs 8 --deep-supervision false --optimiser sgd,momentum=0.9 --batch-size 2".split(" "),
  );
  expect(trainingWords({ sampling: { foregroundOversampling: 1 } })).toBeUndefined();
  expect(trainingWords({ settings: { unheardOf: 1 } as never })).toBeUndefined();
});

test("options of a planner are those of nnunet plan", () => {
  const options = {
    ruleSet: "v2",
    gpuMemoryGb: 8,
    targetSpacing: [3, 1, 1],
    overrides: { cascadeTrigger: 0.6 },
  } as const;
  expect(plannerWords(options)).toEqual(
    "--planner v2 --gpu-memory 8 --target-spacing 3 1 1 --set cascadeTrigger=0.6".split(" "),
  );
});

test("a stage of one's own is on no command line", () => {
  expect(stageWords(["train"], defaultStages)).toEqual([]);
  const stages = { ...defaultStages, evaluator: { ...defaultEvaluator, name: "mine" } };
  expect(stageWords(["train"], stages)).toBeUndefined();
});
