import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import {
  applyGamma,
  gaussianBlur,
  loaderPatchSize,
  scaleContrast,
  scaledShape,
  simulateLowResolution,
  v2BlurRadius,
  writeTarget,
} from "@nnunet/augment";

/* Numbers of the reference implementation at fixed parameters; tools/fixtures/augment/extract-golden.mjs. */
const golden = JSON.parse(readFileSync(new URL("fixtures/golden.json", import.meta.url), "utf8"));
const shape = [1, 6, 7] as const;

/** Values are below 4, so one float32 rounding is 2.4e-7; a chain of four stays below 1e-6. */
const tolerance = 1e-6;

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

describe.each(["v1", "v2"] as const)("%s", (version) => {
  const numbers = golden[version];
  const x = Float32Array.from(numbers.x);

  test.each([0.8, 1.2])("contrast by %d about the mean", (factor) => {
    const result = scaleContrast(x, factor, "mean");
    expect(largestDifference(result, numbers[`contrast_${factor}`])).toBeLessThan(tolerance);
  });

  test.each([0.5, 0.73])("low resolution at zoom %d", (zoom) => {
    const upsampling = version === "v1" ? "cubic" : "linear";
    const result = simulateLowResolution(x, shape, zoom, { upsampling });
    expect(largestDifference(result, numbers[`lowres_${zoom}`])).toBeLessThan(tolerance);
  });

  const gammas = Object.keys(numbers).filter((key) => key.startsWith("gamma"));
  test.each(gammas)("%s", (key) => {
    const [, gamma, inverted] = /gamma_([\d.]+)_invert(\d)/.exec(key)!;
    const result = applyGamma(x, Number(gamma), { inverted: inverted === "1", keepStatistics: true });
    expect(largestDifference(result, numbers[key])).toBeLessThan(2 * tolerance);
  });
});

test.each([0.5, 1.0])("v1 blur with sigma %d", (sigma) => {
  const x = Float32Array.from(golden.v1.x);
  const key = `blur_${sigma.toFixed(1)}`;
  expect(largestDifference(gaussianBlur(x, shape, [0, sigma, sigma]), golden.v1[key])).toBeLessThan(tolerance);
});

test.each([0.5, 0.8, 1.0])("v2 blur of one axis with sigma %d", (sigma) => {
  const x = Float32Array.from(golden.v2.x);
  const options = { boundary: "reflect", radius: v2BlurRadius } as const;
  const result = gaussianBlur(x, shape, [0, sigma, 0], options);
  expect(largestDifference(result, golden.v2[`blur_dim0_${sigma.toFixed(1)}`])).toBeLessThan(tolerance);
  expect(2 * v2BlurRadius(sigma) + 1).toBe(golden.v2[`blur_kernel_${sigma.toFixed(1)}`].length);
});

test("deep-supervision targets", () => {
  const { seg, shape: full, out } = golden.deepSupervision;
  const size = full.slice(1);
  for (const { shape: expectedShape, v } of out) {
    const scale = expectedShape.slice(1).map((n: number, axis: number) => n / size[axis]);
    const target = scaledShape(size, scale) as [number, number, number];
    const result = new Int32Array(v.length);
    writeTarget(Int16Array.from(seg), size, target, { regions: undefined, ignoreLabel: undefined }, result, 0);
    expect(Array.from(result)).toEqual(v.map((label: number) => Math.max(0, label)));
  }
});

test("loader patch sizes", () => {
  for (const { patch, rot, out, v1 } of golden.initialPatchSize) {
    expect(loaderPatchSize(patch, Number.parseFloat(rot), rot.includes("dummy2d"))).toEqual(out ?? v1);
  }
});
