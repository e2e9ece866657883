import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import {
  emptyHistogram,
  type IntensityHistogram,
  intensityHistogram,
  maximumBins,
  mergeHistograms,
  percentile,
} from "@nnunet/fingerprint";
import fc from "fast-check";

interface Golden {
  kind: "ct" | "float" | "ratio";
  n: number;
  seed: number;
  distinct: number;
  percentile005: number;
  median: number;
  percentile995: number;
}
// Made by tools/fixtures/fingerprint/percentiles.py with NumPy 1.24.
const golden: Golden[] = JSON.parse(readFileSync(new URL("./fixtures/percentiles.json", import.meta.url), "utf8"));

function values({ kind, n, seed }: Golden): Float32Array {
  let x = seed;
  return Float32Array.from({ length: n }, () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0;
    const u = x / 2 ** 32;
    return kind === "ct" ? Math.floor(u * 3000 - 1000) : kind === "ratio" ? 1 / (u + 1e-6) - 1 : u - 0.3;
  });
}

test.each(golden.map((g) => [`${g.kind}, ${g.n} values, ${g.distinct} different`, g] as const))(
  "percentiles of %s agree with NumPy",
  (_, g) => {
    const histogram = intensityHistogram(values(g));
    expect(histogram.keys.length).toBeLessThanOrEqual(maximumBins);
    expect(histogram.shift === 0).toBe(g.distinct <= maximumBins);
    for (const [percent, expected] of [
      [0.5, g.percentile005],
      [50, g.median],
      [99.5, g.percentile995],
    ] as const) {
      // exact up to float64 rounding; else the stated bound, half a bin
      const tolerance = Math.abs(expected) * (histogram.shift === 0 ? 1e-15 : 2 ** (histogram.shift - 24));
      expect(Math.abs(percentile(histogram, percent) - expected)).toBeLessThanOrEqual(tolerance);
    }
  },
);

test("by hand: 1, 2, 3, 4", () => {
  const histogram = intensityHistogram(Float32Array.of(3, 1, 4, 2));
  expect([0, 50, 75, 100].map((p) => percentile(histogram, p))).toEqual([1, 2.5, 3.25, 4]);
  expect(percentile(intensityHistogram(Float32Array.of(-5, -0, 0, 7)), 50)).toBe(0);
  expect(intensityHistogram(Float32Array.of(-0, 0)).keys.length).toBe(1);
});

const mergeAll = (parts: IntensityHistogram[]) => parts.reduce(mergeHistograms, emptyHistogram);

test("merging in any order and grouping gives the same histogram", () => {
  const parts = fc.array(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 40 }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(parts, fc.nat(), (lists, rotate) => {
      const histograms = lists.map((list) => intensityHistogram(Float32Array.from(list)));
      const whole = intensityHistogram(Float32Array.from(lists.flat()));
      const at = rotate % histograms.length;
      const turned = [...histograms.slice(at), ...histograms.slice(0, at)];
      expect(mergeAll(turned)).toEqual(whole);
      expect(mergeHistograms(mergeAll(histograms.slice(0, at)), mergeAll(histograms.slice(at)))).toEqual(whole);
    }),
    { seed: 1 },
  );
});

test("merging coarse histograms gives the same as all values at once", () => {
  const all = values({ ...golden.find((g) => g.kind === "ratio")! });
  const third = all.length / 3;
  const parts = [0, 1, 2].map((i) => intensityHistogram(all.slice(i * third, (i + 1) * third)));
  const whole = intensityHistogram(all);
  expect(whole.shift).toBeGreaterThan(0);
  for (const merged of [mergeAll(parts), mergeAll([parts[2]!, parts[0]!, parts[1]!])]) {
    expect(merged.shift).toBe(whole.shift);
    // jest is slow at comparing long arrays
    expect(Buffer.compare(Buffer.from(merged.keys.buffer), Buffer.from(whole.keys.buffer))).toBe(0);
    expect(Buffer.compare(Buffer.from(merged.counts.buffer), Buffer.from(whole.counts.buffer))).toBe(0);
  }
});
