import { expect, test } from "@jest/globals";
import { finiteOrNull, firstNonFinite, meanOfDefined } from "@nnunet/core";

test("a mean leaves out what is not defined, and is not defined itself where nothing is", () => {
  expect(meanOfDefined([0.5, Number.NaN, 1])).toBe(0.75);
  expect(meanOfDefined([Number.NaN])).toBeNaN();
  expect(meanOfDefined([])).toBeNaN();
  expect(meanOfDefined([1, Infinity])).toBe(Infinity);
});

test("what JSON has no number for is null", () => {
  expect([0, -1.5, Number.NaN, Infinity, -Infinity].map(finiteOrNull)).toEqual([0, -1.5, null, null, null]);
});

test("the first value that is no number of float32 is found, whole numbers have none", () => {
  expect(firstNonFinite(new Float32Array([0, -1, Number.NaN, Infinity]))).toBe(2);
  expect(firstNonFinite(new Float64Array([3.4e38, -1e39]))).toBe(1);
  expect(firstNonFinite(new Float32Array([0, 3.4e38]))).toBe(-1);
  expect(firstNonFinite(new Int16Array([-32768, 32767]))).toBe(-1);
});
