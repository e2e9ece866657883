import { expect, test } from "@jest/globals";
import { createRandom } from "@nnunet/core";
import {
  bootstrapInterval,
  bootstrapSuperiority,
  certaintyOf,
  fewestForInterval,
  fewestToCompare,
} from "@nnunet/evaluate";
import fc from "fast-check";

const dices = [0.9, 0.8, 0.85, 0.7, 0.88];

test("the interval of five scores, the same whenever it is asked for", () => {
  const interval = bootstrapInterval(dices);
  expect(interval.mean).toBeCloseTo(0.826, 12);
  expect(interval.low).toBeCloseTo(0.76, 2);
  expect(interval.high).toBeCloseTo(0.88, 2);
  expect(interval.cases).toBe(5);
  expect(bootstrapInterval(dices)).toEqual(interval);
  expect(bootstrapInterval(dices, { seed: 1 })).not.toEqual(interval);
});

test("as wide as the standard error of a mean says, narrower at a lower level", () => {
  const random = createRandom(3);
  const scores = Array.from({ length: 400 }, () => random.normal(0.8, 0.1));
  const wide = bootstrapInterval(scores, { samples: 4000 });
  // ± 1.96 · 0.1 / √400 = ± 0.0098; 4000 resamples know their 2.5th percentile to about 5 %
  expect(wide.high - wide.low).toBeGreaterThan(0.0196 * 0.9);
  expect(wide.high - wide.low).toBeLessThan(0.0196 * 1.1);
  const narrow = bootstrapInterval(scores, { samples: 4000, level: 0.5 });
  expect((narrow.high - narrow.low) / (wide.high - wide.low)).toBeCloseTo(0.6745 / 1.96, 1);
});

test("contains the covered share of truths: about 92 in 100 with twenty cases", () => {
  const random = createRandom(4);
  let covered = 0;
  for (let trial = 0; trial < 400; trial++) {
    const { low, high } = bootstrapInterval(
      Array.from({ length: 20 }, () => random.normal()),
      { seed: trial, samples: 300 },
    );
    if (low <= 0 && high >= 0) covered++;
  }
  expect(covered / 400).toBeGreaterThan(0.88);
  expect(covered / 400).toBeLessThan(0.96);
});

test("several labels: the mean is that of summary.json, per label over its cases, then over the labels that any case has", () => {
  const { mean, cases } = bootstrapInterval([
    [0.8, Number.NaN, Number.NaN],
    [0.6, 0.5, Number.NaN],
    [Number.NaN, Number.NaN, Number.NaN],
  ]);
  expect(mean).toBeCloseTo((0.7 + 0.5) / 2, 12);
  expect(cases).toBe(2);
});

test("mean and interval lie between the least and the greatest score, whatever they are", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: fewestForInterval, maxLength: 30 }),
      (scores) => {
        const { mean, low, high } = bootstrapInterval(scores, { samples: 50 });
        for (const value of [mean, low, high]) {
          expect(value).toBeGreaterThanOrEqual(Math.min(...scores) - 1e-12);
          expect(value).toBeLessThanOrEqual(Math.max(...scores) + 1e-12);
        }
        expect(low).toBeLessThanOrEqual(high);
      },
    ),
    { seed: 1 },
  );
});

test("fewer than five cases have no interval, none has no mean; an infinite distance makes the mean infinite", () => {
  expect(bootstrapInterval([0.5])).toEqual({ mean: 0.5, low: Number.NaN, high: Number.NaN, cases: 1 });
  expect(bootstrapInterval([])).toEqual({ mean: Number.NaN, low: Number.NaN, high: Number.NaN, cases: 0 });
  expect(bootstrapInterval(dices.slice(0, 4))).toMatchObject({ low: Number.NaN, high: Number.NaN, cases: 4 });
  const far = bootstrapInterval(new Array<number>(5).fill(Number.POSITIVE_INFINITY));
  expect(far).toEqual({
    mean: Number.POSITIVE_INFINITY,
    low: Number.POSITIVE_INFINITY,
    high: Number.POSITIVE_INFINITY,
    cases: 5,
  });
});

test("superiority: certain, none, undecided; pairs without a score are left out", () => {
  const dices = Array.from({ length: 10 }, (_, i) => 0.7 + i / 50);
  expect(
    bootstrapSuperiority(
      dices,
      dices.map((dice) => dice - 0.01),
    ),
  ).toBe(1);
  expect(
    bootstrapSuperiority(
      dices.map((dice) => dice - 0.01),
      dices,
    ),
  ).toBe(0);
  expect(bootstrapSuperiority(dices, dices)).toBe(0.5);
  expect(bootstrapSuperiority([...dices, Number.NaN], [...dices.map((dice) => dice - 0.01), 0.99])).toBe(1);
  expect(bootstrapSuperiority([Number.NaN], [1])).toBeNaN();
});

test("superiority: too few cases tell nothing, however far apart; groups count, not their cases", () => {
  const [low, high] = [0.2, 0.9].map((dice) => Array.from({ length: 20 }, (_, i) => dice + i / 1000));
  for (const n of [1, 2, 4, fewestToCompare - 1]) {
    expect(certaintyOf(bootstrapSuperiority(high!.slice(0, n), low!.slice(0, n)))).toBe("too few cases");
  }
  expect(certaintyOf(bootstrapSuperiority(high!.slice(0, fewestToCompare), low!.slice(0, fewestToCompare)))).toBe(
    "clear",
  );
  const patients = (size: number) => high!.map((_, i) => `patient ${Math.floor(i / size)}`);
  expect(bootstrapSuperiority(high!, low!, { groups: patients(2) })).toBe(1);
  expect(bootstrapSuperiority(high!, low!, { groups: patients(4) })).toBeNaN();
  // without a score in one of the two a patient is no evidence
  expect(bootstrapSuperiority([Number.NaN, Number.NaN, ...high!.slice(2)], low!, { groups: patients(2) })).toBeNaN();
  expect([0.5, 0.94, 0.95, null].map(certaintyOf)).toEqual(["close", "close", "clear", "too few cases"]);
});

test("cases of a group are drawn together: twice the same case is no second case", () => {
  const twice = dices.flatMap((dice) => [dice, dice]);
  const groups = twice.map((_, i) => String(Math.floor(i / 2)));
  const once = bootstrapInterval(dices);
  const { low, high, cases } = bootstrapInterval(twice, { groups });
  expect(low).toBeCloseTo(once.low, 12);
  expect(high).toBeCloseTo(once.high, 12);
  expect(cases).toBe(10);
  const naive = bootstrapInterval(twice);
  expect(naive.high - naive.low).toBeLessThan(0.85 * (high - low));
  expect(bootstrapInterval(dices, { groups: dices.map(() => "one patient") }).low).toBeNaN();
  expect(bootstrapInterval(dices, { groups: dices.map(() => undefined) })).toEqual(once);
  expect(() => bootstrapInterval(dices, { groups: ["a"] })).toThrow(
    "groups: expected one for each of the 5 cases, got 1",
  );
});

test("says what is wrong", () => {
  expect(() => bootstrapInterval(dices, { level: 95 })).toThrow(
    "level: expected a number in (0, 1), such as 0.95, got 95",
  );
  expect(() => bootstrapInterval(dices, { samples: 0 })).toThrow("samples: expected a positive integer, got 0");
  expect(() => bootstrapInterval([[1, 2], [1]])).toThrow("cases: expected 2 scores for every case, got [1]");
  expect(() => bootstrapSuperiority([1], [])).toThrow("second: expected scores of the same 1 cases, got 0");
});
