import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { axisAlignedGeometry, labelSet, type LoadedCase, type Shape3 } from "@nnunet/core";
import { resampleImage, resampleLabels } from "@nnunet/kernels";
import { anisotropicAxis, classLocations, preprocessCase, resampledShape } from "@nnunet/preprocess";
import fc from "fast-check";
import { dataset, makeCase, makePlans } from "./make-case.ts";

const load = (name: string) => JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8"));

function expectClose(ours: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(ours.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(ours[i]! - Math.fround(expected[i]!))).toBeLessThanOrEqual(tolerance);
}

describe("agreement with nnU-Net on a two-channel image (golden/crop_normalize.json)", () => {
  const g = load("crop_normalize");
  const shape = g.image_shape as [number, number, number, number];
  const geometry = axisAlignedGeometry([1, 1, 1]);
  const loaded: LoadedCase = {
    id: "golden",
    image: { data: Float32Array.from(g.image), shape, geometry },
    label: { data: Int16Array.from(g.seg), shape: [1, shape[1], shape[2], shape[3]], geometry },
  };
  const both = (scheme: "ZScore" | "CT" | "NoNormalization", masked = false) => {
    const plans = makePlans({ normalizationSchemes: [scheme, scheme], useMaskForNorm: [masked, masked] });
    const properties = plans.foregroundIntensityPerChannel[0]!;
    return { ...plans, foregroundIntensityPerChannel: [properties, properties] };
  };
  const run = (...how: Parameters<typeof both>) => preprocessCase(loaded, both(...how), "test", dataset);
  const voxels = g.zscore.length as number;

  test("crop, holes, −1 outside", () => {
    const out = run("NoNormalization");
    expect(out.properties.cropBox).toEqual(g.bbox);
    expect(out.shape).toEqual(g.cropped_shape);
    expectClose(out.data, g.cropped, 0);
    expect([...out.seg!]).toEqual(g.seg_cropped);
  });
  // Six digits of float32 statistics are what the reference itself keeps.
  test("z-score", () => expectClose(run("ZScore").data.subarray(0, voxels), g.zscore, 2e-6));
  test("z-score in the nonzero mask", () =>
    expectClose(run("ZScore", true).data.subarray(0, voxels), g.zscore_mask, 2e-6));
  test("CT", () => expectClose(run("CT").data.subarray(0, voxels), g.ct, 2e-6));
  test("without a label the mask is the nonzero region", () => {
    const out = preprocessCase({ id: "x", image: loaded.image }, both("ZScore", true), "test", dataset);
    expect(out.seg).toBeUndefined();
    const inside = [...out.data.subarray(0, voxels)].filter((_, i) => g.seg_if_none[i] === 0);
    const mean = inside.reduce((a, b) => a + b, 0) / inside.length;
    expect(Math.abs(mean)).toBeLessThan(1e-6);
    for (let i = 0; i < voxels; i++) if (g.seg_if_none[i] === -1) expect(out.data[i]).toBe(0);
  });
});

describe("class locations", () => {
  test("are nnU-Net's, in its order (golden/class_locations.json)", () => {
    const g = load("class_locations");
    const shape: Shape3 = [40, 200, 200];
    const seg = new Int16Array(40 * 200 * 200);
    for (let z = 0; z < 40; z++)
      for (let y = 0; y < 150; y++) seg.fill(1, (z * 200 + y) * 200, (z * 200 + y + 1) * 200);
    for (let y = 160; y < 165; y++) seg.fill(2, (3 * 200 + y) * 200 + 10, (3 * 200 + y) * 200 + 20);
    const labels = {
      ...labelSet(dataset),
      regions: [[1], [2], [3], [1, 2]],
    };
    const found = classLocations(seg, labels);
    const key = (k: string) => found[k.replace(/[() ]/g, "")]!;
    for (const name of ["1", "2", "3", "(1, 2)"]) {
      expect(key(name).length).toBe(g[name].n);
      const coordinates = [...key(name).slice(0, g[name].first.length)].map((i) => [
        0,
        Math.floor(i / (shape[1] * shape[2])),
        Math.floor(i / shape[2]) % shape[1],
        i % shape[2],
      ]);
      expect(coordinates).toEqual(g[name].first);
    }
  });

  test("point at voxels of their class, without repetition; the ignore label adds all that is annotated", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 1, maxLength: 300 }), (list) => {
        const seg = Int16Array.from(list);
        const labels = labelSet({ ...dataset, labels: { background: 0, a: 1, b: 2, ignore: 3 } });
        const found = classLocations(seg, labels);
        expect(Object.keys(found)).toEqual(["1", "2", "-1,0,1,2"]);
        for (const [key, where] of Object.entries(found)) {
          const ids = key.split(",").map(Number);
          expect([...where].every((i) => ids.includes(seg[i]!))).toBe(true);
          expect(new Set(where).size).toBe(where.length);
          expect(where.length).toBe(list.filter((v) => ids.includes(v)).length);
        }
      }),
      { seed: 1 },
    );
  });
});

describe("preprocessCase", () => {
  test("resamples to the target spacing, after transposing", () => {
    const out = preprocessCase(
      makeCase([12, 16, 20], [1, 1, 2], { margin: 2 }),
      makePlans({ spacing: [1.6, 0.8, 1] }, [2, 0, 1]),
      "test",
      dataset,
    );
    expect(out.properties.shapeBeforeCropping).toEqual([20, 12, 16]);
    expect(out.properties.shapeAfterCropping).toEqual([16, 8, 12]);
    expect(out.properties.spacingAfterTranspose).toEqual([2, 1, 1]);
    expect(out.shape).toEqual([1, 20, 10, 12]);
    expect(out.seg!.length).toBe(20 * 10 * 12);
    expect(Math.abs(out.data.reduce((a, b) => a + b, 0) / out.data.length)).toBeLessThan(0.05);
  });

  test("normalises before or after resampling, as the plans say", () => {
    const loaded = makeCase([10, 12, 14], [1, 1, 1], { margin: 0 });
    const after = preprocessCase(
      loaded,
      makePlans({ spacing: [1.25, 1.2, 1.4], normalizeBeforeResampling: false }),
      "test",
      dataset,
    );
    const mean = after.data.reduce((a, b) => a + b, 0) / after.data.length;
    const variance = after.data.reduce((a, b) => a + (b - mean) ** 2, 0) / after.data.length;
    expect(Math.abs(mean)).toBeLessThan(1e-6);
    expect(variance).toBeCloseTo(1, 5);
    const before = preprocessCase(loaded, makePlans({ spacing: [1.25, 1.2, 1.4] }), "test", dataset);
    const plain = preprocessCase(
      loaded,
      makePlans({ normalizationSchemes: ["NoNormalization"] }),
      "test",
      dataset,
    ).data;
    const n = plain.length;
    const m = plain.reduce((a, b) => a + b, 0) / n;
    const sd = Math.sqrt(plain.reduce((a, b) => a + (b - m) ** 2, 0) / n);
    const byHand = resampleImage(
      plain.map((v) => (v - m) / sd),
      [10, 12, 14],
      [8, 10, 10],
      { order: 3 },
    );
    expectClose(before.data, [...byHand], 1e-5);
  });

  test("a 2D configuration keeps the spacing of axis 0 and resamples slices alone", () => {
    const loaded = makeCase([6, 12, 12], [5, 1, 1], { margin: 0 });
    const out = preprocessCase(
      loaded,
      makePlans({ spacing: [0.75, 1.5], normalizationSchemes: ["NoNormalization"] }),
      "test",
      dataset,
    );
    expect(out.shape).toEqual([1, 6, 16, 8]);
    expect(out.properties.spacingAfterResampling).toEqual([5, 0.75, 1.5]);
    const third = resampleImage(loaded.image.data.slice(3 * 144, 4 * 144), [1, 12, 12], [1, 16, 8], { order: 3 });
    expect(out.data.slice(3 * 128, 4 * 128)).toEqual(third);
    expect(out.seg!.slice(3 * 128, 4 * 128)).toEqual(
      resampleLabels(loaded.label!.data.slice(3 * 144, 4 * 144), [1, 12, 12], [1, 16, 8], { order: 1 }),
    );
  });

  test("z-score in mask after resampling: zero outside, unit variance inside", () => {
    const loaded = makeCase([12, 12, 12], [1, 1, 1], { margin: 2 });
    // A corner of zeros inside the box, so that the crop keeps something outside the region.
    for (let z = 2; z < 6; z++)
      for (let y = 2; y < 6; y++) for (let x = 2; x < 6; x++) loaded.image.data[(z * 12 + y) * 12 + x] = 0;
    const plans = makePlans({ spacing: [0.8, 0.8, 0.8], useMaskForNorm: [true], normalizeBeforeResampling: false });
    for (const given of [loaded, { id: "x", image: loaded.image }]) {
      const out = preprocessCase(given, plans, "test", dataset);
      const inside = out.data.filter((v) => v !== 0);
      expect(inside.length).toBeLessThan(out.data.length);
      expect(inside.reduce((a, b) => a + b * b, 0) / inside.length).toBeCloseTo(1, 5);
      if (out.seg)
        out.seg.forEach((v, i) => {
          if (v === -1) expect(out.data[i]).toBe(0);
        });
    }
  });

  test("leaves the loaded case alone", () => {
    const loaded = makeCase([8, 8, 8], [1, 1, 1], { channels: 2 });
    const image = loaded.image.data.slice();
    const label = loaded.label!.data.slice();
    preprocessCase(
      loaded,
      makePlans({
        spacing: [1.5, 2, 0.7],
        normalizationSchemes: ["ZScore", "Rescale0To1"],
        useMaskForNorm: [true, false],
      }),
      "test",
      dataset,
    );
    expect(loaded.image.data).toEqual(image);
    expect(loaded.label!.data).toEqual(label);
  });

  test("an image of zeros is kept whole and stays zero", () => {
    const loaded = makeCase([4, 4, 4], [1, 1, 1], { margin: 2 });
    expect([...preprocessCase({ id: "empty", image: loaded.image }, makePlans(), "test", dataset).data]).toEqual(
      new Array(64).fill(0),
    );
  });

  test("an unknown configuration, other channels than planned, a label on another grid, and RGB beyond 255 are refused", () => {
    const loaded = makeCase([8, 8, 8], [1, 1, 1]);
    expect(() => preprocessCase(loaded, makePlans(), "3d_fullres", dataset)).toThrow(
      'unknown configuration "3d_fullres"; registered: test',
    );
    expect(() => preprocessCase(loaded, makePlans({ normalizationSchemes: ["CT", "CT"] }), "test", dataset)).toThrow(
      "image of case case_1: expected 2 channels, as the plans of test say, got 1",
    );
    const short = { ...loaded, label: { ...loaded.label!, shape: [1, 7, 8, 8] as const } };
    expect(() => preprocessCase(short, makePlans(), "test", dataset)).toThrow(
      "label of case case_1: expected shape [8,8,8], got [7,8,8]; labels must lie on the grid of the image",
    );
    expect(() =>
      preprocessCase(loaded, makePlans({ normalizationSchemes: ["RGBTo0To1"], useMaskForNorm: [false] }), "test", {
        ...dataset,
      }),
    ).not.toThrow();
    loaded.image.data[100] = 256;
    expect(() => preprocessCase(loaded, makePlans({ normalizationSchemes: ["RGBTo0To1"] }), "test", dataset)).toThrow(
      "image: expected RGB values from 0 to 255; give the channels other names in dataset.json, got 256",
    );
  });
});

describe("the plan of the resampling", () => {
  test("target shape rounds half to even", () =>
    expect(resampledShape([5, 7, 3], [1, 1, 1], [2, 2, 100])).toEqual([2, 4, 1]));
  test("slices stand alone when one axis is three times coarser", () => {
    expect(anisotropicAxis([5, 1, 1], [2.5, 1, 1], null)).toBe(0);
    expect(anisotropicAxis([1, 1, 1], [1, 4, 1], null)).toBe(1);
    expect(anisotropicAxis([3, 1, 1], [1, 1, 1], null)).toBeUndefined();
    expect(anisotropicAxis([0.24, 1.25, 1.25], [0.3, 1, 1], null)).toBeUndefined();
    expect(anisotropicAxis([5, 1, 1], [1, 1, 1], false)).toBeUndefined();
    expect(anisotropicAxis([2, 1, 1], [1, 1, 1], true)).toBe(0);
  });
});
