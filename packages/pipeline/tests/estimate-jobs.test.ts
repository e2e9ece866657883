import { expect, test } from "@jest/globals";
import { estimateFrom, kindOf } from "../src/jobs/estimate-jobs.ts";

const train = (configuration: string, fold: number, epochs: number) => ({
  command: ["train", "Dataset007_Tiny", configuration, String(fold), "--epochs", String(epochs)],
});

test("a job is expected to take what others of its kind took: the same training of another fold, nothing else", () => {
  const measures = [
    { seconds: 100, memoryGb: 2, of: kindOf(train("2d", 0, 8)) },
    { seconds: 120, memoryGb: 3, of: kindOf(train("2d", 1, 8)) },
    { seconds: 900, memoryGb: 9, of: kindOf(train("3d_fullres", 0, 8)) },
    { seconds: 1, memoryGb: 1 }, // of an earlier version, which did not say
  ];
  expect(estimateFrom(measures, train("2d", 4, 8))).toEqual({ seconds: 110, memoryGb: 3 });
  expect(estimateFrom(measures, train("2d", 4, 9))).toBeUndefined();
});

test("the fourth word is a fold of a training alone", () => {
  const preprocess = (name: string) => ({ command: ["preprocess", "Dataset007_Tiny", "--configurations", name] });
  expect(kindOf(preprocess("2d"))).not.toBe(kindOf(preprocess("3d_fullres")));
});
