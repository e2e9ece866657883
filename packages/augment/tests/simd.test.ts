import { describe, expect, test } from "@jest/globals";
import {
  addGaussianNoise,
  applyGamma,
  gaussianBlur,
  mirrorInPlace,
  patchMemory,
  samplingMatrix,
  scaleBrightness,
  scaleContrast,
  transformImage,
  transformLabels,
  writeTarget,
} from "@nnunet/augment";
import { createRandom, type Shape3 } from "@nnunet/core";
import fc from "fast-check";
import { samplingScratch } from "../src/sampling-simd.ts";
import { patchRoom } from "../src/voxel-simd.ts";

type Step = (x: Float32Array, shape: Shape3, factor: number, out: Float32Array, simd: boolean) => unknown;

/** Each with a parameter in [0.5, 1.5]. */
const steps: Record<string, Step> = {
  noise: (x, _, factor, out, simd) =>
    addGaussianNoise(x, factor, createRandom(Math.floor(factor * 1e6)), out, { simd }),
  blur: (x, shape, factor, out, simd) => gaussianBlur(x, shape, [factor, 1, 2 - factor], { simd }, out),
  "blur, reflect": (x, shape, factor, out, simd) =>
    gaussianBlur(x, shape, [0, factor, 3 * factor], { boundary: "reflect", simd }, out),
  brightness: (x, _, factor, out, simd) => scaleBrightness(x, factor, out, { simd }),
  contrast: (x, _, factor, out, simd) => scaleContrast(x, factor, "zero", out, { simd }),
  "contrast about the mean": (x, _, factor, out, simd) => scaleContrast(x, factor, "mean", out, { simd }),
  gamma: (x, _, factor, out, simd) => applyGamma(x, factor, { simd }, out),
  "gamma of a large power": (x, _, factor, out, simd) => applyGamma(x, 20 * factor, { simd }, out),
  "inverted gamma with old statistics": (x, _, factor, out, simd) =>
    applyGamma(x, factor, { inverted: true, keepStatistics: true, simd }, out),
  mirror: (x, shape, factor, out, simd) => {
    out.set(x);
    const axes = ([0, 1, 2] as const).filter((axis) => Math.floor(factor * 1000) & (1 << axis));
    mirrorInPlace(out, shape, axes, { simd });
  },
};

const extent = fc.integer({ min: 1, max: 35 });
const input = fc.record({
  shape: fc.oneof(fc.tuple(extent, extent, extent), fc.tuple(fc.constant(1), extent, fc.integer({ min: 1, max: 300 }))),
  seed: fc.nat(),
  factor: fc.double({ min: 0.5, max: 1.5, noNaN: true }),
  /** Half of the voxels are then equal, and some are −0 */
  flat: fc.boolean(),
});

const bytes = (x: Float32Array) => Buffer.from(x.buffer, x.byteOffset, x.byteLength);

describe.each(Object.entries(steps))("%s", (_, step) => {
  test("gives the same bytes in TypeScript and WebAssembly, in arrays of one's own and in the patch memory", () => {
    fc.assert(
      fc.property(input, ({ shape, seed, factor, flat }) => {
        const random = createRandom(seed);
        const n = shape[0] * shape[1] * shape[2];
        const x = Float32Array.from({ length: n }, () => (flat && random.chance(0.5) ? -0 : random.normal(0.2, 2)));
        const expected = new Float32Array(n);
        step(x, shape, factor, expected, false);

        const copied = new Float32Array(n + 2).subarray(1, n + 1);
        step(x, shape, factor, copied, true);
        expect(bytes(copied).equals(bytes(expected))).toBe(true);

        // The second of two channels, in place: the voxels around it are left alone.
        const memory = patchMemory(n + 20);
        memory.fill(7);
        const held = memory.subarray(3, n + 3);
        held.set(x);
        step(held, shape, factor, held, true);
        expect(bytes(held).equals(bytes(expected))).toBe(true);
        expect([...memory.subarray(0, 3), ...memory.subarray(n + 3)].every((value) => value === 7)).toBe(true);
      }),
      { seed: 7, numRuns: 30 },
    );
  });
});

test("an array of one's own does not disturb the patch memory", () => {
  const memory = patchMemory(1000);
  memory.fill(3);
  gaussianBlur(new Float32Array(500_000), [5, 100, 1000], [1, 1, 1]);
  mirrorInPlace(new Int16Array(1_000_000), [10, 100, 1000], 0);
  expect(memory.length).toBe(1000);
  expect(memory.every((value) => value === 3)).toBe(true);
});

test("a step on a large array, whose copy is given up afterwards, gives the same bytes, and so does the next", () => {
  const large = new Uint8Array(140 * 2 ** 20);
  large[5] = 1;
  mirrorInPlace(large, [1, 1, large.length], 2);
  expect(large[large.length - 6]).toBe(1);
  expect(large.indexOf(1)).toBe(large.length - 6);
  expect(mirrorInPlace(Int16Array.of(1, 2, 3), [1, 1, 3], 2)).toEqual(Int16Array.of(3, 2, 1));
});

test("a line that is too long for WebAssembly's tables is blurred in TypeScript: the same bytes", () => {
  const random = createRandom(2);
  const x = Float32Array.from({ length: 9000 }, () => random.normal());
  const shape = [1, 1, 9000] as const;
  const expected = gaussianBlur(x, shape, [0, 0, 2], { simd: false });
  expect(gaussianBlur(x, shape, [0, 0, 2])).toEqual(expected);
  // and one that just fits
  const most = x.subarray(0, 8192 - 2 * 8 - 3);
  expect(gaussianBlur(most, [1, 1, most.length], [0, 0, 2])).toEqual(
    gaussianBlur(most, [1, 1, most.length], [0, 0, 2], { simd: false }),
  );
});

test("rotation and scaling give the same bytes in TypeScript and WebAssembly, image and labels, inside and outside", () => {
  const angle = fc.constantFrom(0, 0.3, -0.5, Math.PI / 2, Math.PI, 3);
  const anyShape = fc.oneof(fc.tuple(extent, extent, extent), fc.tuple(fc.constant(1), extent, extent));
  const transform = fc.record({
    angles: fc.oneof(fc.tuple(angle, angle, angle), fc.tuple(angle, fc.constant(0), fc.constant(0))),
    scale: fc.constantFrom(0.3, 0.7, 1, 1.37, 4),
    centre: fc.option(fc.tuple(fc.constantFrom(-3, 0, 2.5), fc.constantFrom(0, 4), fc.constantFrom(1, 6.25)), {
      nil: undefined,
    }),
  });
  fc.assert(
    fc.property(anyShape, anyShape, transform, fc.nat(), (shape, target, { angles, scale, centre }, seed) => {
      const random = createRandom(seed);
      const n = shape[0] * shape[1] * shape[2];
      const image = Float32Array.from({ length: n }, () => random.normal());
      // From a few labels to many, so that voxels between two, and between more, are met.
      const kinds = random.integer(1, 9);
      const labels = Int16Array.from({ length: n }, () => random.integer(-1, kinds));
      const how = { matrix: samplingMatrix(angles, [scale, scale, scale]), ...(centre && { centre }) };
      for (const interpolation of ["linear", "cubic"] as const) {
        const [a, b] = [true, false].map((simd) =>
          transformImage(image, shape, target, how, interpolation, undefined, { simd }),
        ) as [Float32Array, Float32Array];
        expect(bytes(a).equals(bytes(b))).toBe(true);
        // In the memory of a patch there is nothing to copy, unless the source would be lost.
        const voxels = target[0] * target[1] * target[2];
        const memory = patchMemory(n + voxels);
        memory.set(image);
        const out = memory.subarray(n);
        transformImage(memory.subarray(0, n), shape, target, how, interpolation, out);
        expect(bytes(out).equals(bytes(b))).toBe(true);
        expect(bytes(memory.subarray(0, n)).equals(bytes(image))).toBe(true);
        const room = patchRoom(voxels, 0, n, samplingScratch(shape, target));
        room.source.image.set(image);
        transformImage(room.source.image, shape, target, how, interpolation, room.image, { overwriteSource: true });
        expect(bytes(room.image).equals(bytes(b))).toBe(true);
      }
      for (const rule of ["threshold", "argmax"] as const) {
        const [c, d] = [true, false].map((simd) =>
          transformLabels(labels, shape, target, how, rule, -1, undefined, { simd }),
        );
        expect(c).toEqual(d);
        const room = patchRoom(0, d!.length, n, samplingScratch(shape, target));
        const source = room.source.seg.subarray(0, n);
        source.set(labels);
        expect(transformLabels(source, shape, target, how, rule, -1, room.seg)).toEqual(d);
      }
    }),
    { seed: 8, numRuns: 50 },
  );
});

test("labels become targets alike in TypeScript and WebAssembly: −1 is background, what is around them stays", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9000 }), fc.nat(), fc.boolean(), (n, seed, held) => {
      const random = createRandom(seed);
      const seg = held ? patchRoom(3, n, 0, 0).seg : new Int16Array(n + 1).subarray(1);
      for (let i = 0; i < n; i++) seg[i] = random.integer(-2, 30_000);
      const [a, b] = [true, false].map((simd) => {
        const out = new Int32Array(n + 2).fill(7);
        writeTarget(seg, [1, 1, n], [1, 1, n], { regions: undefined, ignoreLabel: undefined }, out, 1, { simd });
        return out;
      });
      expect(a).toEqual(b);
      expect(b).toEqual(Int32Array.of(7, ...seg.map((label) => Math.max(0, label)), 7));
    }),
    { seed: 3, numRuns: 40 },
  );
});
