import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { labelSet, type Shape3, type Spacing } from "@nnunet/core";
import { squaredDistances, surfaceMetrics, volumeError } from "@nnunet/evaluate";
import fc from "fast-check";

interface Pair {
  shape: Shape3;
  spacing: Spacing;
  tolerance: number;
  labels: number;
  a: number[];
  b: number[];
  /** To label 1. */
  distance_to_a: number[];
  metrics: Record<string, { hd95: number; assd: number; nsd: number }>;
}
const pairs: Pair[] = JSON.parse(readFileSync(new URL("./fixtures/surfaces.json", import.meta.url), "utf8"));
const labelsUpTo = (count: number) =>
  labelSet({
    channelNames: ["CT"],
    labels: {
      background: 0,
      ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`label ${i + 1}`, i + 1])),
    },
    numTraining: 1,
    fileEnding: ".nii.gz",
  });
const labels = labelsUpTo(1);

describe.each(pairs)("$labels labels in $shape voxels of $spacing mm", (pair) => {
  test("distances from every voxel to the mask are scipy's", () => {
    const marked = Uint8Array.from(pair.a, (label) => (label === 1 ? 1 : 0));
    const squared = squaredDistances(marked, pair.shape, pair.spacing);
    // float32 storage of the squares: 6e-8 relative, half of it after the root
    squared.forEach((value, i) => {
      expect(Math.abs(Math.sqrt(value) - pair.distance_to_a[i]!)).toBeLessThan(1e-6);
    });
  });

  test("HD95, ASSD and NSD of every label are MONAI's", () => {
    const { a, b, shape, spacing, tolerance } = pair;
    const ours = surfaceMetrics(Int16Array.from(a), Int16Array.from(b), shape, spacing, labelsUpTo(pair.labels), {
      tolerance,
    });
    expect(Object.keys(pair.metrics).length).toBeGreaterThan(0);
    for (const [key, { hd95, assd, nsd }] of Object.entries(pair.metrics)) {
      // MONAI's numbers are float32
      expect(Math.abs(ours[key]!.hd95 - hd95)).toBeLessThan(1e-5);
      expect(Math.abs(ours[key]!.assd - assd)).toBeLessThan(1e-5);
      expect(Math.abs(ours[key]!.nsd - nsd)).toBeLessThan(1e-6);
    }
  });
});

test("distances equal those of all pairs, on any small volume", () => {
  const volume = fc.tuple(
    fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: 6 }))),
    fc.tuple(...[1, 2, 3].map(() => fc.double({ min: 0.1, max: 9, noNaN: true }))),
    fc.array(fc.boolean(), { minLength: 216, maxLength: 216 }),
  );
  fc.assert(
    fc.property(volume, ([size, mm, bits]) => {
      const [shape, spacing] = [size as unknown as Shape3, mm as unknown as Spacing];
      const marked = Uint8Array.from(bits.slice(0, shape[0] * shape[1] * shape[2]), Number);
      const place = (i: number) => [
        Math.floor(i / (shape[1] * shape[2])),
        Math.floor(i / shape[2]) % shape[1],
        i % shape[2],
      ];
      const squared = squaredDistances(marked, shape, spacing);
      for (let i = 0; i < marked.length; i++) {
        let nearest = Number.POSITIVE_INFINITY;
        for (let j = 0; j < marked.length; j++) {
          if (!marked[j]) continue;
          const [p, q] = [place(i), place(j)];
          nearest = Math.min(
            nearest,
            p.reduce((sum, n, axis) => sum + ((n - q[axis]!) * spacing[axis]!) ** 2, 0),
          );
        }
        if (nearest === Number.POSITIVE_INFINITY) expect(squared[i]).toBe(nearest);
        else expect(Math.abs(squared[i]! - nearest)).toBeLessThanOrEqual(nearest * 1e-6);
      }
    }),
    { seed: 1, numRuns: 60 },
  );
});

test("the same surfaces are 0 apart; two lines worked out by hand", () => {
  const shape: Shape3 = [1, 1, 12];
  const line = (first: number) => Int16Array.from({ length: 12 }, (_, x) => (x >= first && x < first + 3 ? 1 : 0));
  const same = surfaceMetrics(line(2), line(2), shape, [1, 1, 1.5], labels)["1"];
  expect(same).toEqual({ hd95: 0, assd: 0, nsd: 1, volumeErrorMl: 0, relativeVolumeError: 0 });
  const shifted = surfaceMetrics(line(2), line(9), shape, [1, 1, 1.5], labels)["1"]!;
  expect(shifted.hd95).toBeCloseTo(10.35, 6); // both ends, 7.5 and 10.5 mm: 7.5 + 0.95 · 3
});

test("in a plane the outline counts, not its two faces", () => {
  const square = (first: number, end: number) =>
    Int16Array.from({ length: 100 }, (_, i) => {
      const [y, x] = [Math.floor(i / 10), i % 10];
      return y >= first && y < end && x >= first && x < end ? 1 : 0;
    });
  for (const shape of [
    [1, 10, 10],
    [10, 1, 10],
    [10, 10, 1],
  ] as const) {
    // An 8 × 8 square around a 4 × 4 one, 2 pixels of 1 mm apart; every face voxel of a slab would lie 0 apart.
    const { hd95, nsd } = surfaceMetrics(square(1, 9), square(3, 7), shape, [1, 1, 1], labels)["1"]!;
    expect(hd95).toBeGreaterThanOrEqual(2);
    expect(nsd).toBe(0);
  }
  const dot = Int16Array.of(1);
  expect(surfaceMetrics(dot, dot, [1, 1, 1], [1, 1, 1], labels)["1"]).toMatchObject({ hd95: 0, nsd: 1 });
});

test("a distance that is the tolerance is within it, whatever its last bit", () => {
  const line = (at: number) => Int16Array.from({ length: 5 }, (_, x) => (x === at ? 1 : 0));
  for (const mm of [0.1, 0.3, 0.7, 1.1, 2.3]) {
    const nsd = (tolerance: number) =>
      surfaceMetrics(line(1), line(2), [1, 1, 5], [1, 1, mm], labels, { tolerance })["1"]!.nsd;
    expect(nsd(mm)).toBe(1);
    expect(nsd(mm * 0.99)).toBe(0);
  }
});

test("many labels at once come out as each by itself, regions as their union", () => {
  const { shape, spacing, a, b } = pairs[1]!;
  const [reference, prediction] = [Int16Array.from(a), Int16Array.from(b)];
  const together = surfaceMetrics(reference, prediction, shape, spacing, labelsUpTo(3));
  for (const id of [1, 2, 3]) {
    const only = (map: Int16Array) => map.map((label) => (label === id ? 1 : 0));
    expect(surfaceMetrics(only(reference), only(prediction), shape, spacing, labels)["1"]).toEqual(together[id]);
  }
  const regions = labelSet({
    channelNames: ["CT"],
    labels: { background: 0, all: [1, 2, 3], some: [2, 3] },
    regionsClassOrder: [1, 2],
    numTraining: 1,
    fileEnding: ".nii.gz",
  });
  const union = (map: Int16Array) => map.map((label) => (label >= 2 ? 1 : 0));
  expect(surfaceMetrics(reference, prediction, shape, spacing, regions)["(2, 3)"]).toEqual(
    surfaceMetrics(union(reference), union(prediction), shape, spacing, labels)["1"],
  );
});

test("empty on both sides is undefined, on one side infinitely far; ignored voxels do not count", () => {
  const shape: Shape3 = [1, 1, 4];
  const none = new Int16Array(4);
  const some = Int16Array.of(0, 1, 1, 0);
  const undefinedMetrics = {
    hd95: Number.NaN,
    assd: Number.NaN,
    nsd: Number.NaN,
    volumeErrorMl: Number.NaN,
    relativeVolumeError: Number.NaN,
  };
  const far = {
    hd95: Number.POSITIVE_INFINITY,
    assd: Number.POSITIVE_INFINITY,
    nsd: 0,
    volumeErrorMl: -0.002,
    relativeVolumeError: -1,
  };
  expect(surfaceMetrics(none, none, shape, [1, 1, 1], labels)["1"]).toEqual(undefinedMetrics);
  expect(surfaceMetrics(some, none, shape, [1, 1, 1], labels)["1"]).toEqual(far);
  const withIgnore = { ...labels, ignoreLabel: 2 };
  const reference = Int16Array.of(0, 1, 1, 2);
  expect(surfaceMetrics(reference, Int16Array.of(0, 1, 1, 1), shape, [1, 1, 1], withIgnore)["1"]!.hd95).toBe(0);
});

test("volume error in mL and relative", () => {
  expect(volumeError({ predictedVoxels: 1500, referenceVoxels: 1000 }, [1, 1, 2])).toEqual({
    volumeErrorMl: 1,
    relativeVolumeError: 0.5,
  });
  expect(volumeError({ predictedVoxels: 1, referenceVoxels: 0 }, [1, 1, 1]).relativeVolumeError).toBeNaN();
});

test("two masks of different sizes, a negative tolerance and a spacing of zero are refused", () => {
  const line = new Int16Array(4);
  expect(() => surfaceMetrics(line, new Int16Array(3), [1, 1, 4], [1, 1, 1], labels)).toThrow(
    "prediction: expected shape [1,1,4], got [3]",
  );
  expect(() => surfaceMetrics(line, line, [1, 1, 4], [1, 1, 1], labels, { tolerance: -1 })).toThrow(
    "tolerance: expected a number of mm, at least 0, got -1",
  );
  expect(() => squaredDistances(new Uint8Array(4), [1, 1, 4], [1, 0, 1])).toThrow(
    "spacing: expected three positive numbers [z, y, x] in mm, got [1, 0, 1]",
  );
});
