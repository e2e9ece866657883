import { describe, expect, test } from "@jest/globals";
import {
  addGaussianNoise,
  applyGamma,
  augmentationParameters,
  augmentIntensities,
  gaussianBlur,
  mirrorInPlace,
  scaleBrightness,
  scaleContrast,
  simulateLowResolution,
} from "@nnunet/augment";
import { createRandom, type Shape3 } from "@nnunet/core";
import fc from "fast-check";

const extent = fc.integer({ min: 1, max: 9 });
const patch = fc.tuple(extent, extent, extent).chain(([z, y, x]) =>
  fc.record({
    shape: fc.constant([z, y, x] as const),
    values: fc.array(fc.float({ min: -5, max: 5, noNaN: true }), { minLength: z * y * x, maxLength: z * y * x }),
  }),
);

/** Each with a middling parameter; all keep the shape. */
const transforms: Record<string, (x: Float32Array, shape: Shape3, out?: Float32Array) => Float32Array> = {
  noise: (x, _, out) => addGaussianNoise(x, 0.3, createRandom(1), out),
  blur: (x, shape, out) => gaussianBlur(x, shape, [1, 0.7, 1.4], {}, out),
  "blur, reflect": (x, shape, out) => gaussianBlur(x, shape, [1, 0.7, 1.4], { boundary: "reflect" }, out),
  brightness: (x, _, out) => scaleBrightness(x, 1.2, out),
  contrast: (x, _, out) => scaleContrast(x, 1.4, "zero", out),
  "contrast about the mean": (x, _, out) => scaleContrast(x, 1.4, "mean", out),
  "low resolution, cubic": (x, shape, out) => simulateLowResolution(x, shape, 0.6, {}, out),
  "low resolution, linear": (x, shape, out) => simulateLowResolution(x, shape, 0.6, { upsampling: "linear" }, out),
  gamma: (x, _, out) => applyGamma(x, 0.8, {}, out),
  "inverted gamma": (x, _, out) => applyGamma(x, 1.4, { inverted: true, keepStatistics: true }, out),
};

describe.each(Object.entries(transforms))("%s", (_, transform) => {
  test("keeps the shape, gives finite values, leaves its input alone, and works in place", () => {
    fc.assert(
      fc.property(patch, ({ shape, values }) => {
        const x = Float32Array.from(values);
        const result = transform(x, shape);
        expect(result.length).toBe(x.length);
        expect(result.every(Number.isFinite)).toBe(true);
        expect(x).toEqual(Float32Array.from(values));
        expect(transform(x, shape, x)).toBe(x);
        expect(x).toEqual(result);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test("a constant channel stays finite", () => {
    expect(transform(new Float32Array(27).fill(2), [3, 3, 3]).every(Number.isFinite)).toBe(true);
  });
});

test("contrast, gamma and low resolution stay within the channel's range", () => {
  fc.assert(
    fc.property(patch, fc.constantFrom(0.7, 1.5), ({ shape, values }, factor) => {
      const x = Float32Array.from(values);
      const low = Math.min(...x);
      const high = Math.max(...x);
      for (const result of [
        scaleContrast(x, factor, "zero"),
        applyGamma(x, factor),
        applyGamma(x, factor, { inverted: true }),
        simulateLowResolution(x, shape, 0.5),
      ]) {
        // one float32 rounding of values up to 5, and the 1e-7 in gamma's range
        for (const value of result) {
          if (!(value >= low - 1e-6 && value <= high + 1e-6)) throw new Error(`${value} outside ${low} to ${high}`);
        }
      }
    }),
    { seed: 2 },
  );
});

test("gamma keeps the mean and standard deviation if asked", () => {
  const random = createRandom(3);
  const x = Float32Array.from({ length: 5000 }, () => random.normal(0.4, 1.3));
  const moments = (v: Float32Array) => {
    const mean = v.reduce((a, b) => a + b, 0) / v.length;
    return [mean, Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / v.length)];
  };
  const [mean, deviation] = moments(applyGamma(x, 1.4, { keepStatistics: true })) as [number, number];
  const [oldMean, oldDeviation] = moments(x) as [number, number];
  expect(mean).toBeCloseTo(oldMean, 6);
  expect(deviation).toBeCloseTo(oldDeviation, 6);
});

test("gamma of 1 changes nothing, inverted or not", () => {
  const x = Float32Array.of(-1, 0, 0.3, 2);
  for (const inverted of [false, true]) {
    applyGamma(x, 1, { inverted }).forEach((value, i) => {
      expect(value).toBeCloseTo(x[i]!, 6);
    });
  }
});

test("gamma's power agrees with ** to 3e-7 relative: 1.6e-7 of its own, and float32 roundings of base and result", () => {
  const random = createRandom(4);
  const values = Float32Array.from({ length: 20_000 }, (_, i) =>
    i < 3 ? [0, 1, 2 ** -40][i]! : random.uniform() ** 3,
  );
  const extent = 1 + 1e-7; // of values from 0 to 1, as the reference widens it
  for (const gamma of [0.7, 0.93, 1, 1.5, 2]) {
    applyGamma(values, gamma).forEach((result, i) => {
      const expected = Math.min(1, (values[i]! / extent) ** gamma * extent);
      if (!(Math.abs(result - expected) <= 3e-7 * expected)) throw new Error(`${values[i]} ** ${gamma}: ${result}`);
    });
  }
});

test("noise is normal: mean, variance, skewness, kurtosis and tails", () => {
  const n = 300_000;
  const noise = addGaussianNoise(new Float32Array(n), 1, createRandom(5));
  const moment = (p: number) => noise.reduce((a, v) => a + v ** p, 0) / n;
  // five standard errors of each estimate: √(var/n) with var = 1, 2, 15, 96
  expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / n));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  // P(|x| > 3.4426…), the ziggurat's tail, is 5.76e-4; P(|x| > 1) is 0.3173
  const beyond = (limit: number) => noise.filter((v) => Math.abs(v) > limit).length / n;
  expect(Math.abs(beyond(3.442619855899) - 5.7611e-4)).toBeLessThan(5 * Math.sqrt(5.76e-4 / n));
  expect(Math.abs(beyond(1) - 0.317311)).toBeLessThan(5 * Math.sqrt(0.2166 / n));
  // neighbours are independent
  const lag = noise.reduce((a, v, i) => a + v * (noise[i + 1] ?? 0), 0) / n;
  expect(Math.abs(lag)).toBeLessThan(5 * Math.sqrt(1 / n));
});

test("mirroring twice is the identity, once reverses the axes", () => {
  const axes = fc.subarray([0, 1, 2] as const, { minLength: 1 });
  fc.assert(
    fc.property(
      patch,
      axes,
      fc.constantFrom(Float32Array, Int16Array, Uint8Array),
      ({ shape, values }, reversed, Kind) => {
        const x = Kind.from(values.map((value) => Math.round(20 * value)));
        const once = mirrorInPlace(Kind.from(x), shape, reversed);
        const [nz, ny, nx] = shape;
        for (let z = 0; z < nz; z++) {
          for (let y = 0; y < ny; y++) {
            for (let k = 0; k < nx; k++) {
              const at = [z, y, k];
              for (const axis of reversed) at[axis] = shape[axis]! - 1 - at[axis]!;
              if (once[(z * ny + y) * nx + k] !== x[(at[0]! * ny + at[1]!) * nx + at[2]!]) throw new Error(`${at}`);
            }
          }
        }
        expect(mirrorInPlace(once, shape, reversed)).toEqual(x);
      },
    ),
    { seed: 3, numRuns: 50 },
  );
});

test("blur keeps the mean and spreads a point as a Gaussian", () => {
  const x = new Float32Array(21 ** 3);
  x[(10 * 21 + 10) * 21 + 10] = 1;
  const blurred = gaussianBlur(x, [21, 21, 21], [1, 1.5, 0]);
  expect(blurred.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  const profile = [0, 1, 2].map((d) => blurred[((10 + d) * 21 + 10) * 21 + 10]!);
  expect(profile[1]! / profile[0]!).toBeCloseTo(Math.exp(-0.5), 5);
  expect(profile[2]! / profile[0]!).toBeCloseTo(Math.exp(-2), 5);
  expect(blurred[(10 * 21 + 10) * 21 + 11]).toBe(0);
});

test("in-plane low resolution leaves no trace of other slices", () => {
  const slices = (fill: number) => Float32Array.from({ length: 3 * 36 }, (_, i) => (i < 36 ? fill : Math.sin(i)));
  const a = simulateLowResolution(slices(0), [3, 6, 6], 0.5, { inPlane: true });
  const b = simulateLowResolution(slices(9), [3, 6, 6], 0.5, { inPlane: true });
  // the clip uses the whole channel's range, and a sine stays within ±1 of its samples' range here
  expect(a.subarray(72)).not.toEqual(new Float32Array(36));
  for (let i = 36; i < 108; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(0.25);
});

test("the set `none` changes nothing", () => {
  const random = createRandom(8);
  const x = Float32Array.from({ length: 120 }, () => random.normal());
  const copy = Float32Array.from(x);
  for (let i = 0; i < 50; i++) augmentIntensities(copy, [4, 5, 6], augmentationParameters.none, false, random);
  expect(copy).toEqual(x);
});

test("a zoom above one and a negative blur are refused", () => {
  const x = new Float32Array(8);
  expect(() => simulateLowResolution(x, [2, 2, 2], 1.5)).toThrow("zoom: expected a number in (0, 1], got 1.5");
  expect(() => gaussianBlur(x, [2, 2, 2], [1, -1, 1])).toThrow(
    "sigma: expected three numbers of voxels, 0 or more, got [1, -1, 1]",
  );
});
