import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import {
  applyGamma,
  gaussianBlur,
  loaderPatchSize,
  scaleContrast,
  samplingMatrix,
  scaledShape,
  simulateLowResolution,
  transformImage,
  transformLabels,
  v2BlurRadius,
  writeTarget,
} from "@nnunet/augment";
import type { Shape3 } from "@nnunet/core";

/* Numbers of the reference implementation at fixed parameters; tools/fixtures/augment/extract-golden.mjs. */
const fixture = (name: string) => JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8"));
const golden = fixture("golden");
const volumes: Record<"v1" | "v2", SpatialGolden[]> = fixture("golden-3d");
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

interface SpatialGolden {
  shape: number[];
  patch: number[];
  angles: number[] | null;
  scale: number | null;
  image: number[];
  seg: number[];
  out: number[];
  out_seg: number[];
}

function checkSpatial(version: "v1" | "v2", g: SpatialGolden): void {
  const flat = g.patch.length === 2;
  const size = (list: number[]) => (flat ? [1, ...list] : list) as unknown as Shape3;
  const shape = size(g.shape.slice(-g.patch.length));
  const patch = size(g.patch);
  // v2 turns the other way; angles are drawn symmetrically, so it does not matter.
  const turn = version === "v1" ? 1 : -1;
  const angles = (flat ? [g.angles?.[0] ?? 0, 0, 0] : g.angles)!.map((a) => turn * a) as [number, number, number];
  // Without a transform the reference crops; (n − p) is even here, so the centres of the two agree.
  const scale = g.scale ?? 1;
  const transform = { matrix: samplingMatrix(angles, flat ? [1, scale, scale] : [scale, scale, scale]) };
  const voxels = shape[0] * shape[1] * shape[2];
  const count = patch[0] * patch[1] * patch[2];
  const interpolation = version === "v1" ? "cubic" : "linear";
  for (let c = 0; c * voxels < g.image.length; c++) {
    const channel = Float32Array.from(g.image.slice(c * voxels, (c + 1) * voxels));
    const result = transformImage(channel, shape, patch, transform, interpolation);
    expect(largestDifference(result, g.out.slice(c * count, (c + 1) * count))).toBeLessThan(spatialTolerance);
  }
  const rule = version === "v1" ? "threshold" : "argmax";
  // In v1 no label reaches a half outside, so 0 stays there.
  const labels = transformLabels(Int16Array.from(g.seg), shape, patch, transform, rule, version === "v1" ? 0 : -1);
  // The reference compares masks × 1000 in float16, whose steps are 0.5 there: masks closer than 1e-3 may swap.
  const mask = (label: number) =>
    transformImage(
      Float32Array.from(g.seg, (l) => (l === label ? 1 : 0)),
      shape,
      patch,
      transform,
    );
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === g.out_seg[i]) continue;
    expect(version).toBe("v2");
    expect(Math.abs(mask(labels[i]!)[i]! - mask(g.out_seg[i]!)[i]!)).toBeLessThan(1e-3);
  }
}

/** v1 stores coordinates in float32 (some 1e-6 of a voxel) and the spline's slope is a few units per voxel. */
const spatialTolerance = 1e-5;

describe.each(["v1", "v2"] as const)("%s rotation and scaling", (version) => {
  test("2D", () => {
    for (const g of golden[version].spatial2d) checkSpatial(version, g);
  });

  test("3D", () => {
    for (const g of volumes[version]) checkSpatial(version, g);
  });
});
