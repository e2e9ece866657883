import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { exponentials, sigmoidRow, softmaxRow } from "../src/row-activations.ts";

test("exponentials agree with Math.exp to 1e-8 over their whole domain", () => {
  const values = Float64Array.from({ length: 70_001 }, (_, i) => -i / 100);
  const result = values.slice();
  exponentials(result, 0, result.length);
  let worst = 0;
  values.forEach((x, i) => {
    worst = Math.max(worst, Math.abs(result[i]! / Math.exp(x) - 1));
  });
  expect(worst).toBeLessThan(1e-8);
});

test("beyond the domain: tiny, and NaN stays NaN", () => {
  const values = Float64Array.of(-1e6, Number.NEGATIVE_INFINITY, Number.NaN);
  exponentials(values, 0, 3);
  expect(values[0]).toBeLessThan(1e-300);
  expect(values[1]).toBeLessThan(1e-300);
  expect(values[2]).toBeNaN();
});

const logit = fc.double({ min: -90, max: 90, noNaN: true });

test("softmax: any number of channels, only the voxels asked for", () => {
  const input = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 300 }))
    .chain(([channels, length]) =>
      fc.tuple(
        fc.constant(channels),
        fc.constant(length),
        fc.nat(length - 1),
        fc.array(logit, { minLength: channels * length, maxLength: channels * length }),
      ),
    );
  fc.assert(
    fc.property(input, ([channels, length, first, logits]) => {
      const row = Float64Array.from(logits);
      softmaxRow(row, channels, length, first, length);
      for (let x = 0; x < length; x++) {
        const voxel = Array.from({ length: channels }, (_, c) => logits[c * length + x]!);
        const largest = Math.max(...voxel);
        const sum = voxel.reduce((total, v) => total + Math.exp(v - largest), 0);
        voxel.forEach((v, c) => {
          const expected = x < first ? v : Math.exp(v - largest) / sum;
          expect(Math.abs(row[c * length + x]! - expected)).toBeLessThan(2e-8);
        });
      }
    }),
    { seed: 1, numRuns: 50 },
  );
});

test("sigmoid of large and small values of both signs, longer than its scratch", () => {
  const values = Float64Array.from({ length: 1001 }, (_, i) => (i - 500) / 5);
  const result = values.slice();
  sigmoidRow(result, 0, result.length);
  values.forEach((v, i) => {
    expect(Math.abs(result[i]! - 1 / (1 + Math.exp(-v)))).toBeLessThan(1e-8);
  });
});
