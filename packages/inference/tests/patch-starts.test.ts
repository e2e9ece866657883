import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { patchStarts } from "@nnunet/inference";
import fc from "fast-check";

test("a hand-made axis", () => {
  expect(patchStarts(110, 64, 0.5)).toEqual([0, 23, 46]);
  expect(patchStarts(64, 64)).toEqual([0]);
});

test("equals the reference on 101 random volumes (docs/method.md §0 item 15)", () => {
  const path = new URL("./fixtures/sliding-window-steps.json", import.meta.url);
  const volumes: { tile: number[]; image: number[]; step: number; steps: number[][] }[] = JSON.parse(
    readFileSync(path, "utf8"),
  );
  expect(volumes.length).toBe(101);
  for (const { tile, image, step, steps } of volumes) {
    expect(tile.map((length, axis) => patchStarts(image[axis]!, length, step))).toEqual(steps);
  }
});

test("covers every voxel, for any axis", () => {
  const axis = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.nat(400), fc.double({ min: 0.1, max: 1, noNaN: true }));
  fc.assert(
    fc.property(axis, ([patch, extra, step]) => {
      const starts = patchStarts(patch + extra, patch, step);
      expect(starts[0]).toBe(0);
      expect(starts.at(-1)).toBe(extra);
      for (let i = 1; i < starts.length; i++) expect(starts[i]! - starts[i - 1]!).toBeLessThanOrEqual(patch);
    }),
    { seed: 1 },
  );
});

test("an image smaller than the patch, an empty patch and a step that is no fraction are refused, with the way out", () => {
  expect(() => patchStarts(32, 64)).toThrow(
    "imageLength: expected at least patchLength (64); pad the image first, got 32",
  );
  expect(() => patchStarts(64, 32, Number.NaN)).toThrow("stepFraction: expected a number in (0, 1], got NaN");
  expect(() => patchStarts(64, 0)).toThrow("patchLength: expected a positive integer, got 0");
});
