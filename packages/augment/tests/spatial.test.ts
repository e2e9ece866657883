import { describe, expect, test } from "@jest/globals";
import {
  augmentationParameters,
  drawSpatialTransform,
  loaderPatchSize,
  maximumRotation,
  reachedBox,
  samplingMatrix,
  transformImage,
  transformLabels,
} from "@nnunet/augment";
import { createRandom, type Shape3 } from "@nnunet/core";
import fc from "fast-check";

const random = createRandom(1);
const shape = [14, 17, 19] as const;
const image = Float32Array.from({ length: 14 * 17 * 19 }, () => random.normal());
const seg = Int16Array.from(image, (v) => (v > 0.8 ? 3 : v > 0 ? 1 : 0));

test.each(["linear", "cubic"] as const)("without a transform, %s sampling is the centre crop", (interpolation) => {
  const target = [8, 9, 11] as const;
  const result = transformImage(image, shape, target, { matrix: samplingMatrix([0, 0, 0]) }, interpolation);
  for (let z = 0; z < 8; z++) {
    for (let y = 0; y < 9; y++) {
      for (let x = 0; x < 11; x++) {
        const expected = image[((z + 3) * 17 + y + 4) * 19 + x + 4]!;
        if (!(Math.abs(result[(z * 9 + y) * 11 + x]! - expected) < 2e-6)) throw new Error(`voxel ${[z, y, x]}`);
      }
    }
  }
});

test("a quarter turn in the plane moves voxels exactly", () => {
  const flat = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const turned = transformImage(flat, [1, 3, 3], [1, 3, 3], { matrix: samplingMatrix([Math.PI / 2, 0, 0]) });
  expect(Array.from(turned, Math.round)).toEqual([3, 6, 9, 2, 5, 8, 1, 4, 7]);
});

test("under `paper` a factor above 1 zooms in, under `v2` out", () => {
  const block = Int16Array.from({ length: 41 * 41 }, (_, i) => {
    const y = Math.floor(i / 41) - 20;
    const x = (i % 41) - 20;
    return Math.abs(y) <= 6 && Math.abs(x) <= 6 ? 1 : 0;
  });
  const area = (set: "paper" | "v2") => {
    const spatial = {
      ...augmentationParameters[set].spatial,
      rotationProbability: 0,
      scalingProbability: 1,
      scale: { low: 1.3, high: 1.3, draw: "uniform" },
    } as const;
    const transform = drawSpatialTransform(spatial, 0, true, createRandom(1))!;
    return transformLabels(block, [1, 41, 41], [1, 41, 41], transform, "threshold").reduce((a, b) => a + b, 0);
  };
  expect(area("paper")).toBeCloseTo(17 ** 2, 0); // 13 · 1.3 = 16.9
  expect(area("v2")).toBeLessThan(13 ** 2);
});

test("turning slices in their plane mixes nothing across slices", () => {
  const transform = { matrix: samplingMatrix([0.7, 0, 0], [1, 0.8, 0.8]) };
  const whole = transformImage(image, shape, [14, 9, 9], transform);
  for (const z of [0, 6, 13]) {
    const slice = transformImage(image.subarray(z * 323, (z + 1) * 323), [1, 17, 19], [1, 9, 9], transform);
    expect(whole.subarray(z * 81, (z + 1) * 81)).toEqual(slice);
  }
});

describe("reading only the part that a transform reaches", () => {
  const transforms = fc.record({
    angles: fc.tuple(...[0, 1, 2].map(() => fc.double({ min: -0.6, max: 0.6, noNaN: true }))),
    scale: fc.double({ min: 0.7, max: 1.4, noNaN: true }),
  });
  test.each([
    ["linear", 1, 1e-5], // coordinates differ by a float64 rounding
    ["cubic", 12, 5e-6],
  ] as const)("%s gives the same patch", (interpolation, margin, tolerance) => {
    fc.assert(
      fc.property(transforms, ({ angles, scale }) => {
        const target: Shape3 = [7, 8, 9];
        const transform = { matrix: samplingMatrix(angles as [number, number, number], [scale, scale, scale]) };
        const box = reachedBox(shape, target, transform, margin);
        const size = box.map(([a, b]) => b - a) as unknown as Shape3;
        const part = { image: [] as number[], seg: [] as number[] };
        for (let z = box[0]![0]; z < box[0]![1]; z++) {
          for (let y = box[1]![0]; y < box[1]![1]; y++) {
            for (let x = box[2]![0]; x < box[2]![1]; x++) {
              part.image.push(image[(z * 17 + y) * 19 + x]!);
              part.seg.push(seg[(z * 17 + y) * 19 + x]!);
            }
          }
        }
        const centre = box.map(([a], axis) => (shape[axis]! - 1) / 2 - a) as [number, number, number];
        const moved = { ...transform, centre };
        const whole = transformImage(image, shape, target, transform, interpolation);
        const cut = transformImage(Float32Array.from(part.image), size, target, moved, interpolation);
        for (let i = 0; i < whole.length; i++) {
          if (Math.abs(whole[i]! - cut[i]!) > tolerance) throw new Error(`voxel ${i}: ${whole[i]} and ${cut[i]}`);
        }
        const labels = transformLabels(seg, shape, target, transform, "threshold");
        const cutLabels = transformLabels(Int16Array.from(part.seg), size, target, moved, "threshold");
        expect(labels.filter((label, i) => label !== cutLabels[i]).length).toBeLessThanOrEqual(1);
      }),
      { seed: 4, numRuns: 30 },
    );
  });
});

test.each(["threshold", "argmax"] as const)("%s invents no label", (rule) => {
  fc.assert(
    fc.property(fc.double({ min: -3, max: 3, noNaN: true }), fc.double({ min: 0.5, max: 2, noNaN: true }), (a, s) => {
      const transform = { matrix: samplingMatrix([a, a / 2, -a], [s, s, s]) };
      const labels = transformLabels(seg, shape, [9, 9, 9], transform, rule);
      expect([...new Set(labels)].every((label) => [-1, 0, 1, 3].includes(label))).toBe(true);
    }),
    { seed: 5, numRuns: 40 },
  );
});

test("rotation and scaling fire as in the paper: 0.16 each alone, 0.04 both", () => {
  const generator = createRandom(6);
  const counts = { neither: 0, rotation: 0, scaling: 0, both: 0 };
  const n = 20_000;
  for (let i = 0; i < n; i++) {
    const transform = drawSpatialTransform(augmentationParameters.paper.spatial, 30, false, generator);
    if (transform === undefined) {
      counts.neither++;
      continue;
    }
    const m = transform.matrix;
    const length = Math.hypot(m[0]!, m[1]!, m[2]!);
    const rotated = Math.abs(m[0]! / length - 1) > 1e-12;
    const scaled = Math.abs(length - 1) > 1e-12;
    counts[rotated && scaled ? "both" : rotated ? "rotation" : "scaling"]++;
    if (!(length > 1 / 1.4 - 1e-9 && length < 1 / 0.7 + 1e-9)) throw new Error(`factor ${1 / length}`);
  }
  // four binomial standard deviations
  const near = (count: number, p: number) => Math.abs(count - n * p) < 4 * Math.sqrt(n * p * (1 - p));
  expect(near(counts.neither, 0.64)).toBe(true);
  expect(near(counts.rotation, 0.16)).toBe(true);
  expect(near(counts.scaling, 0.16)).toBe(true);
  expect(near(counts.both, 0.04)).toBe(true);
});

test("largest rotation by kind of patch", () => {
  expect(maximumRotation([128, 128, 128], false)).toBe(30);
  expect(maximumRotation([20, 320, 256], true)).toBe(180);
  expect(maximumRotation([320, 256], false)).toBe(180);
  expect(maximumRotation([512, 320], false)).toBe(15);
  expect(() => loaderPatchSize([4], 30)).toThrow(
    "patchSize: expected two or three positive integers [(z,) y, x], got [4]",
  );
});

test("a matrix that is not of nine numbers is refused", () => {
  expect(() => transformImage(image, shape, shape, { matrix: [1, 0] })).toThrow(
    "matrix: expected nine finite numbers, got [1, 0]",
  );
});

test("the cubic spline passes through its samples on long rows too", () => {
  const long = Float32Array.from({ length: 3 * 30 * 50 }, () => random.normal());
  const same = transformImage(long, [3, 30, 50], [3, 30, 50], { matrix: samplingMatrix([0, 0, 0]) }, "cubic");
  expect(same.findIndex((value, i) => !(Math.abs(value - long[i]!) < 3e-6))).toBe(-1);
});
