import { expect, test } from "@jest/globals";
import { finiteOrNull, meanOfDefined } from "@nnunet/core";

test("a mean leaves out what is not defined, and is not defined itself where nothing is", () => {
  expect(meanOfDefined([0.5, Number.NaN, 1])).toBe(0.75);
  expect(meanOfDefined([Number.NaN])).toBeNaN();
  expect(meanOfDefined([])).toBeNaN();
  expect(meanOfDefined([1, Infinity])).toBe(Infinity);
});

test("what JSON has no number for is null", () => {
  expect([0, -1.5, Number.NaN, Infinity, -Infinity].map(finiteOrNull)).toEqual([0, -1.5, null, null, null]);
});
