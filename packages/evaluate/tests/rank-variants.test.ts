import { expect, test } from "@jest/globals";
import { drawRankings, rankOverDatasets, rankVariants } from "@nnunet/evaluate";

const good = [0.9, 0.92, 0.88, 0.91, 0.9, 0.89, 0.93, 0.9, 0.91, 0.92];
const bad = good.map((score) => score - 0.2);

test("a variant that is better in every case has rank 1 in every virtual validation set", () => {
  const { variants, cases } = rankVariants({ bad, good });
  expect(cases).toBe(10);
  expect(variants.map(({ variant, meanRank, ranks }) => [variant, meanRank, ranks])).toEqual([
    ["good", 1, [1, 0]],
    ["bad", 2, [0, 1]],
  ]);
  expect(variants[0]!.mean).toBeCloseTo(0.906, 10);
});

test("equal variants share their ranks", () => {
  for (const { meanRank, ranks } of rankVariants({ a: good, b: good }).variants) {
    expect(meanRank).toBe(1.5);
    expect(ranks.map((share) => Math.round(share * 1e6) / 1e6)).toEqual([0.5, 0.5]);
  }
});

test("two variants that win in every other case: neither is sure, the shares add up, and the seed decides all of it", () => {
  const a = good.map((score, i) => score + (i % 2 === 0 ? 0.01 : -0.01));
  const b = good.map((score, i) => score - (i % 2 === 0 ? 0.01 : -0.01));
  const ranking = rankVariants({ a, b });
  for (const { ranks } of ranking.variants) {
    expect(ranks[0]).toBeGreaterThan(0.3);
    expect(ranks[0]).toBeLessThan(0.7);
    expect(ranks[0]! + ranks[1]!).toBeCloseTo(1, 10);
  }
  expect(rankVariants({ a, b })).toEqual(ranking);
  expect(rankVariants({ a, b }, { seed: 1 })).not.toEqual(ranking);
});

test("a case without a score in one variant counts in none", () => {
  const { cases, variants } = rankVariants({ good: good.with(0, Number.NaN), bad: bad.with(1, Number.NaN) });
  expect(cases).toBe(8);
  expect(variants[0]!.mean - variants[1]!.mean).toBeCloseTo(0.2, 10);
});

test("over datasets every dataset counts the same, however many cases it has", () => {
  const many = Array.from({ length: 100 }, (_, i) => good[i % 10]!);
  const ranking = rankOverDatasets([
    { scores: { a: many, b: many.map((s) => s - 0.1), c: many.map((s) => s - 0.2) } },
    { scores: { a: bad, b: good, c: bad.map((s) => s - 0.1) } },
    { scores: { a: bad, b: good, c: bad.map((s) => s - 0.1) } },
  ]);
  expect(ranking.variants.map(({ variant, meanRank }) => [variant, meanRank])).toEqual([
    ["b", 1],
    ["a", 2],
    ["c", 3],
  ]);
  expect(ranking.cases).toBe(120);
});

test("cases of a group are drawn together, of one dataset and over several", () => {
  const a = good.map((score, i) => score + (i < 5 ? 0.01 : -0.01));
  const groups = good.map((_, i) => (i < 5 ? "patient 1" : "patient 2"));
  const single = rankVariants({ a, good });
  const grouped = rankVariants({ a, good }, { groups });
  expect([single, grouped].map(({ cases, independentCases }) => [cases, independentCases])).toEqual([
    [10, 10],
    [10, 2],
  ]);
  expect(grouped.variants).not.toEqual(single.variants);
  const scores = { a, good };
  expect(rankOverDatasets([{ scores, groups }])).toEqual(grouped);
  const over = rankOverDatasets([{ scores, groups }, { scores }]);
  expect([over.cases, over.independentCases]).toEqual([20, 12]);
});

test("what cannot be ranked is refused", () => {
  const none = [Number.NaN, Number.NaN];
  expect(() => rankVariants({ a: none, b: [1, 1] })).toThrow(
    "variants: expected at least one case with a score in every variant",
  );
  expect(() => rankVariants({ a: good })).toThrow("variants: expected at least two");
  expect(() => rankVariants({ a: good, b: [1] })).toThrow("variants: expected 10 cases of each, got 1");
});

test("the drawing names every variant, with whatever its name holds", () => {
  const svg = drawRankings({ D1: rankVariants({ "<b>": good, bad }) });
  expect(svg).toContain("&#60;b&#62;");
  expect(svg).toContain("D1, 10 cases");
});

test("a drawing has room for the longest name", () => {
  const name = "nnUNetTrainer__nnUNetPaperPlans__3d_fullres of another folder";
  const twelve = (more: number) => Array.from({ length: 12 }, (_, i) => [0.8 + more + (i % 5) / 100]);
  const svg = drawRankings({ Dataset001_A: rankVariants({ [name]: twelve(0.01), ours: twelve(0) }) });
  const [, end] = /<text x="([\d.]+)"[^>]*text-anchor="end"[^>]*>nnUNetTrainer/.exec(svg) ?? [];
  expect(Number(end)).toBeGreaterThanOrEqual(7 * name.length);
});
