import { expect, test } from "@jest/globals";
import type { Plans } from "@nnunet/core";
import type { RunOptions } from "@nnunet/pipeline";
import { configurationsOf, trainingsOf } from "../src/jobs/training.ts";

/** Only what says which configurations there are. */
const plans = {
  configurations: {
    "2d": {},
    "3d_cascade_fullres": { previousConfiguration: "3d_lowres" },
    "3d_fullres": {},
    "3d_lowres": {},
  },
} as unknown as Plans;
const folds = [0, 1, 2, 3, 4];
const trained = (options: RunOptions, known: readonly number[] = folds) =>
  trainingsOf(options, plans, known).map(({ configuration, fold }) => `${configuration} ${fold}`);

test("all configurations of the plan are trained by default, the first network of a cascade before the second", () => {
  expect(configurationsOf({}, plans)).toEqual(["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"]);
  expect(trained({})).toHaveLength(20);
});

test("without the cascade neither of its networks is; one that is named is trained all the same", () => {
  expect(configurationsOf({ cascade: false }, plans)).toEqual(["2d", "3d_fullres"]);
  expect(configurationsOf({ cascade: false, configurations: ["3d_lowres"] }, plans)).toEqual(["3d_lowres"]);
});

test("the folds are those of splits_final.json, however many it has", () => {
  expect(trained({ configurations: ["2d"] }, [0, 1, 2])).toEqual(["2d 0", "2d 1", "2d 2"]);
});

test("one fold of a cascade's second network needs every fold of the first; fold all needs fold all", () => {
  const configurations = ["3d_lowres", "3d_cascade_fullres"];
  expect(trained({ configurations, folds: [1] })).toEqual([
    ...folds.map((fold) => `3d_lowres ${fold}`),
    "3d_cascade_fullres 1",
  ]);
  expect(trained({ configurations, folds: ["all"] })).toEqual(["3d_lowres all", "3d_cascade_fullres all"]);
});

test("an unknown configuration is refused, also one that every object has", () => {
  for (const name of ["3d", "constructor"]) {
    expect(() => configurationsOf({ configurations: [name] }, plans)).toThrow(`unknown configuration "${name}"`);
  }
});
