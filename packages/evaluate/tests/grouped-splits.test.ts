import { expect, test } from "@jest/globals";
import { crossValidationSplits, dividedGroup, groupedSplits } from "@nnunet/evaluate";
import fc from "fast-check";

const groups = (sizes: readonly number[]) =>
  new Map(
    sizes.flatMap((size, group) => Array.from({ length: size }, (_, i) => [`p${group}_${i}`, `p${group}`] as const)),
  );

test("two images a patient are kept together, and folds are as large as they can be", () => {
  const splits = groupedSplits(groups(Array.from({ length: 10 }, () => 2)));
  expect(splits.map(({ val }) => val.length)).toEqual([4, 4, 4, 4, 4]);
  expect(dividedGroup(splits, groups(Array.from({ length: 10 }, () => 2)))).toBeUndefined();
});

test("where every group is one case the splits are nnU-Net's", () => {
  const groupOf = groups(Array.from({ length: 23 }, () => 1));
  expect(groupedSplits(groupOf)).toEqual(crossValidationSplits([...groupOf.keys()]));
});

test("any groups: each case is validated once, no group is divided, folds differ by at most the largest group", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 5, maxLength: 40 }),
      fc.integer({ min: 2, max: 5 }),
      fc.nat(1e6),
      (sizes, folds, seed) => {
        const groupOf = groups(sizes);
        const splits = groupedSplits(groupOf, folds, seed);
        expect(splits.flatMap(({ val }) => val).sort()).toEqual([...groupOf.keys()].sort());
        for (const { train, val } of splits) expect([...train, ...val].sort()).toEqual([...groupOf.keys()].sort());
        expect(dividedGroup(splits, groupOf)).toBeUndefined();
        const lengths = splits.map(({ val }) => val.length);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(Math.max(...sizes));
        const reversed = new Map([...groupOf].reverse());
        expect(groupedSplits(reversed, folds, seed)).toEqual(splits);
      },
    ),
    { seed: 1 },
  );
});

test("fewer groups than folds are refused by name", () => {
  expect(() => groupedSplits(groups([3, 3, 3, 3]))).toThrow("groupOf: expected at least 5 groups for 5 folds, got");
});

test("a group that somebody's splits divide is named with both cases", () => {
  const groupOf = groups([2, 2]);
  const splits = [{ train: ["p0_0", "p1_0"], val: ["p1_1"] }];
  expect(dividedGroup(splits, groupOf)).toEqual({ group: "p1", fold: 0, cases: ["p1_0", "p1_1"] });
});
