import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { crossValidationSplits, splitOfFold, splitsFromJson } from "@nnunet/evaluate";
import fc from "fast-check";

const load = (name: string) => JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8"));
const ids = (n: number) => Array.from({ length: n }, (_, i) => `case_${String(i).padStart(3, "0")}`);

test.each(["5", "7", "10", "20", "41"])("%s cases are divided as scikit-learn does", (count) => {
  expect(crossValidationSplits(ids(Number(count)).reverse())).toEqual(load("splits.json")[count]);
});

test("every case is validated exactly once, for any number of cases and folds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), fc.nat(60), fc.nat(1e6), (folds, extra, seed) => {
      const cases = ids(folds + extra);
      const splits = crossValidationSplits(cases, folds, seed);
      expect(splits.flatMap(({ val }) => val).sort()).toEqual(cases);
      for (const { train, val } of splits) expect([...train, ...val].sort()).toEqual(cases);
    }),
    { seed: 1 },
  );
});

test("a fold beyond the list is NumPy's random 80:20", () => {
  for (const { cases, fold, train } of load("random-splits.json")) {
    const split = splitOfFold(crossValidationSplits(ids(cases)), ids(cases), fold);
    expect(split.train).toEqual(train.map((i: number) => ids(cases)[i]));
    expect([...split.train, ...split.val].sort()).toEqual(ids(cases));
  }
});

test("fold within the list, and all", () => {
  const splits = [{ train: ["a"], val: ["b"] }];
  expect(splitOfFold(splits, ["a", "b"], 0)).toBe(splits[0]);
  expect(splitOfFold(splits, ["b", "a"], "all")).toEqual({ train: ["a", "b"], val: ["a", "b"] });
});

test("a user's splits are taken as they are", () => {
  const own = [
    { train: ["b", "a"], val: ["c"] },
    { train: ["c"], val: ["a"] },
  ];
  expect(splitsFromJson(own, "splits_final.json", ["a", "b", "c"])).toEqual(own);
});

test("a split with an unknown, a doubled or no case, or with a case in both of its lists, is refused by fold and list", () => {
  const read = (json: unknown) => () => splitsFromJson(json, "splits_final.json", ["a", "b", "c"]);
  const shape = 'splits_final.json: expected a list of folds, each { "train": [case ids], "val": [case ids] }';
  expect(read([])).toThrow(shape);
  expect(read({ train: [] })).toThrow(shape);
  expect(read([{ train: ["a"] }])).toThrow("splits_final.json → 0.val: expected a list of case ids");
  expect(
    read([
      { train: ["a"], val: ["b"] },
      { train: [], val: ["b"] },
    ]),
  ).toThrow("splits_final.json → 1.train: expected at least one case, the list is empty");
  expect(read([{ train: ["a", "d"], val: ["b"] }])).toThrow(
    "splits_final.json → 0.train: the dataset has no training case d; correct the name or remove it",
  );
  expect(read([{ train: ["a", "b"], val: ["b"] }])).toThrow(
    "splits_final.json → 0.val: case b is in train too; leave it in one of them",
  );
  expect(read([{ train: ["a", "a"], val: ["b"] }])).toThrow(
    "splits_final.json → 0.train: case a is listed twice; remove one",
  );
  expect(() => crossValidationSplits(["a", "b", "c"])).toThrow(
    'caseIds: expected at least 5 training cases for 5 folds, got ["a", "b", "c"]',
  );
  expect(() => crossValidationSplits(ids(9), 1)).toThrow("folds: expected an integer of at least 2, got 1");
  expect(() => crossValidationSplits(["a", "b", "a", "c", "d", "e"])).toThrow(
    'caseIds: expected every case once, got "a"',
  );
  expect(() => splitOfFold([], ["a"], -1)).toThrow('fold: expected "all" or an integer from 0 on, got -1');
});
