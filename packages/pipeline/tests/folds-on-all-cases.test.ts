import { expect, test } from "@jest/globals";
import { foldsOnAllCases } from "../src/jobs/training.ts";

const trained = (...folds: (number | "all")[]) => folds.map((fold) => ({ configuration: "2d", fold }));

test("folds on all cases are those of seeds, and all where there is no other; one divided at random is none", () => {
  const crossValidation = { all: [0, 1, 2], heldOut: [0, 1, 2] };
  const seeds = { all: [0, 1, 2], heldOut: [] };
  expect(foldsOnAllCases(trained(0, 1, "all"), crossValidation)).toEqual(["all"]);
  expect(foldsOnAllCases(trained(0, 1), crossValidation)).toEqual([]);
  expect(foldsOnAllCases(trained(7), crossValidation)).toEqual([]);
  expect(foldsOnAllCases(trained(0, 2, "all"), seeds)).toEqual([0, 2]);
});
