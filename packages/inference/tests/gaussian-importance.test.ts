import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { gaussianImportance } from "@nnunet/inference";
import fc from "fast-check";

const golden: Record<string, number[]> = JSON.parse(
  readFileSync(new URL("./fixtures/gaussian.json", import.meta.url), "utf8"),
);

test.each([
  ["(8,)_x1_f32", [8]],
  ["(16, 12)_x1_f32", [16, 12]],
  ["(5, 9, 7)_scipy", [5, 9, 7]],
])("%s equals scipy's filter within one float32 rounding", (key, patchSize) => {
  const expected = golden[key]!;
  const weights = gaussianImportance(patchSize);
  expect(weights.length).toBe(expected.length);
  for (let i = 0; i < weights.length; i++) expect(Math.abs(weights[i]! / expected[i]! - 1)).toBeLessThan(1.2e-7);
});

test("peak 1 at the middle, nothing is 0, for any patch", () => {
  const patch = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(patch, (patchSize) => {
      const weights = gaussianImportance(patchSize);
      const middle = patchSize.reduce((at, length) => at * length + Math.floor(length / 2), 0);
      expect(weights[middle]).toBe(1);
      expect(weights.every((weight) => weight > 0 && weight <= 1)).toBe(true);
    }),
    { seed: 1 },
  );
});

test("a patch without axes or with an empty one has no weights", () => {
  expect(() => gaussianImportance([])).toThrow("patchSize: expected one positive integer per axis, got []");
  expect(() => gaussianImportance([8, 0])).toThrow("patchSize: expected one positive integer per axis, got [0]");
});
