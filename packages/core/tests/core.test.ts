import { describe, expect, test } from "@jest/globals";
import {
  createRandom,
  gigabytes,
  isNnunetError,
  MersenneTwister,
  roundHalfEven,
  ShapeMismatchError,
  show,
  threadCount,
} from "@nnunet/core";

test("ties go to the even neighbour, also below zero", () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999].map(roundHalfEven)).toEqual([0, 2, 2, 0, -2, 2]);
});

test("show keeps NaN, names typed arrays, and shortens", () => {
  expect(show([1, Number.NaN, "a"])).toBe('[1, NaN, "a"]');
  expect(show(new Float32Array(9))).toBe("Float32Array(9)");
});

test("errors are recognised by code", () => {
  const error: unknown = new ShapeMismatchError("label of case liver_3", [75, 512, 512], [74, 512, 512]);
  expect(isNnunetError(error, "SHAPE_MISMATCH") && error.message).toBe(
    "label of case liver_3: expected shape [75,512,512], got [74,512,512]",
  );
  expect(isNnunetError(new Error("x"))).toBe(false);
});

test("an amount of memory never rounds to nothing", () => {
  expect([1.3e11, 24.24e9, 2.4e8, 1e7, 4.21e6, 1e6, 1].map(gigabytes)).toEqual([
    "130 GB",
    "24.2 GB",
    "0.24 GB",
    "0.01 GB",
    "4.2 MB",
    "1 MB",
    "0.000001 MB",
  ]);
});

describe("createRandom", () => {
  test("same seed and keys give the same stream; another key gives another", () => {
    const draw = (...keys: (number | string)[]) =>
      Array.from({ length: 4 }, createRandom(7, ...keys).uniform.bind(null, 0, 1));
    expect(draw("augment", 3)).toEqual(draw("augment", 3));
    expect(draw("augment", 3)).not.toEqual(draw("augment", 4));
  });
  test("uniform and normal have the moments they should (10,000 draws, 4 standard errors)", () => {
    const random = createRandom(1);
    const mean = (f: () => number) => Array.from({ length: 10_000 }, f).reduce((a, b) => a + b) / 10_000;
    expect(Math.abs(mean(() => random.uniform()) - 0.5)).toBeLessThan(4 * 0.00289);
    expect(Math.abs(mean(() => random.normal()))).toBeLessThan(4 * 0.01);
    expect(Math.abs(mean(() => random.normal() ** 2) - 1)).toBeLessThan(4 * 0.0142);
  });
});

test("MersenneTwister is NumPy's RandomState: first words of seed 12345, and a permutation", () => {
  const twister = new MersenneTwister(12345);
  expect([twister.nextUint32(), twister.nextUint32()]).toEqual([3992670690, 3823185381]);
});

test("MersenneTwister counts what NumPy's RandomState(1234).choice draws with replacement, one call after the other", () => {
  // np.bincount(RandomState(1234).choice(n, draws), minlength=n) for n = 5, 1, 1000 in one stream
  const twister = new MersenneTwister(1234);
  expect([...twister.choiceCounts(5, 1003)]).toEqual([182, 223, 206, 209, 183]);
  expect([...twister.choiceCounts(1, 7)]).toEqual([7]);
  expect([...twister.choiceCounts(1000, 20).entries()].filter(([, count]) => count > 0)).toEqual([
    [128, 1],
    [164, 1],
    [231, 1],
    [349, 1],
    [387, 1],
    [398, 1],
    [401, 1],
    [427, 1],
    [446, 1],
    [470, 1],
    [517, 1],
    [627, 1],
    [648, 1],
    [666, 1],
    [674, 2],
    [704, 1],
    [876, 1],
    [894, 1],
    [904, 1],
  ]);
  expect(twister.nextUint32()).toBe(2563982841);
});

test("show writes lists inside lists two deep, so that a deep one stays short", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 50; i++) deep = [deep, deep, deep, deep, deep, deep, deep, deep];
  expect(show([[1, 2], [3]])).toBe("[[1, 2], [3]]");
  expect(show(deep).length).toBeLessThan(500);
  expect(show({ ["k".repeat(1e6)]: 1 }).length).toBeLessThan(100);
});

test("a number of threads is a whole number that a machine can have", () => {
  expect([1, 2, 256].map((count) => threadCount("threads", count))).toEqual([1, 2, 256]);
  for (const wrong of [0, -1, 1.5, 257, 100_000, Number.NaN]) {
    expect(() => threadCount("workers", wrong)).toThrow(`workers: expected a whole number from 1 to 256, got ${wrong}`);
  }
});
