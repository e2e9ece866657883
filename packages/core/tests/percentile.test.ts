import { expect, test } from "@jest/globals";
import { median, percentile } from "@nnunet/core";

test("the median is the middle value, or the mean of the two middle ones", () => {
  expect([median([3]), median([4, 1, 3, 2]), median([10, -1, 9])]).toEqual([3, 2.5, 9]);
});

// numpy.percentile([1, 2, 4, 8, 16], q) of NumPy 2.4
test.each([
  [0, 1],
  [0.1, 1.4],
  [0.5, 4],
  [0.9, 12.8],
  [0.95, 14.399999999999999],
  [1, 16],
])("the value below which %s of the values lie is NumPy's, to the last bit", (fraction, expected) => {
  expect(percentile([1, 2, 4, 8, 16], fraction)).toBe(expected);
});

test("infinite values stay infinite and are never half of one", () => {
  expect(percentile([1, Infinity, Infinity], 0.75)).toBe(Infinity);
  expect(percentile([-Infinity, -Infinity, 3], 0.25)).toBe(-Infinity);
});
