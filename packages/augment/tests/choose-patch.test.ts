import { expect, test } from "@jest/globals";
import { choosePatchStart, isForegroundSample, readPaddedPatch } from "@nnunet/augment";
import { createRandom, type Shape3 } from "@nnunet/core";
import fc from "fast-check";
import { syntheticCase } from "./synthetic-case.ts";

const none = {};

test("random starts: all of the range, borders included, nothing else", () => {
  const random = createRandom(1);
  const starts = (size: number, loader: number, network: number) => {
    const seen = new Set<number>();
    for (let i = 0; i < 600; i++) {
      const start = choosePatchStart(
        { size: [size, 1, 1], classLocations: none },
        [loader, 1, 1],
        [network, 1, 1],
        false,
        random,
      );
      seen.add(start[0]);
    }
    return [...seen].sort((a, b) => a - b);
  };
  // loader − network = 2: one voxel beyond either border
  expect(starts(10, 6, 4)).toEqual([-1, 0, 1, 2, 3, 4, 5]);
  // an odd excess: −⌈3/2⌉ to 10 + 1 + 1 − 7
  expect(starts(10, 7, 4)).toEqual([-2, -1, 0, 1, 2, 3, 4, 5]);
  // an image smaller than the patch fits into it, in the middle, give or take a voxel if the excess is odd
  expect(starts(3, 4, 4)).toEqual([-1, 0]);
  expect(starts(2, 6, 4)).toEqual([-2]);
});

test("a foreground patch is centred on its voxel, and clamped at the low border only", () => {
  const start = (voxel: number) =>
    choosePatchStart(
      { size: [20, 1, 1], classLocations: { "1": Int32Array.of(voxel) } },
      [8, 1, 1],
      [6, 1, 1],
      true,
      createRandom(1),
    )[0];
  expect(start(10)).toBe(6);
  expect(start(0)).toBe(-1);
  expect(start(19)).toBe(15); // reaches three voxels out, although random patches reach one
});

test("the last third of the batch is foreground", () => {
  const forced = (batchSize: number) =>
    Array.from({ length: batchSize }, (_, i) => i).filter((i) => isForegroundSample(i, batchSize, 0.33));
  expect(forced(2)).toEqual([1]);
  expect(forced(3)).toEqual([2]);
  expect(forced(12)).toEqual([8, 9, 10, 11]);
});

test("what is outside the volume is 0 and −1, what is inside is the case", async () => {
  const size = [5, 6, 7] as const;
  const whole = syntheticCase("w", size, { channels: 2 });
  const all = await whole.readPatch([0, 0, 0], size);
  const start = fc.integer({ min: -9, max: 9 });
  const extent = fc.integer({ min: 1, max: 8 });
  await fc.assert(
    fc.asyncProperty(fc.tuple(start, start, start), fc.tuple(extent, extent, extent), async (first, patch) => {
      const read = await readPaddedPatch(whole, first as Shape3, patch as Shape3);
      const count = patch[0] * patch[1] * patch[2];
      for (let i = 0; i < count; i++) {
        const z = first[0] + Math.floor(i / (patch[1] * patch[2]));
        const y = first[1] + (Math.floor(i / patch[2]) % patch[1]);
        const x = first[2] + (i % patch[2]);
        const inside = z >= 0 && y >= 0 && x >= 0 && z < 5 && y < 6 && x < 7;
        const at = (z * 6 + y) * 7 + x;
        const wanted = inside ? [all.data[at], all.data[210 + at], all.seg[at]] : [0, 0, -1];
        const got = [read.data[i], read.data[count + i], read.seg[i]];
        if (got.join() !== wanted.join()) throw new Error(`${[z, y, x]}: ${got}, not ${wanted}`);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("a reader that returns another box is caught", async () => {
  const reader = {
    ...syntheticCase("w", [5, 6, 7]),
    readPatch: async () => ({ data: new Float32Array(8), seg: new Int16Array(7) }),
  };
  await expect(readPaddedPatch(reader, [0, 0, 0], [2, 2, 2])).rejects.toThrow(
    "patch of case w, voxels of image and labels: expected shape [8,8], got [8,7]",
  );
});

test("of a 2D class first a slice that holds it is drawn, then one of its voxels there, in whatever order they are stored", () => {
  const random = createRandom(3);
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 6 * 20 - 1 }), { minLength: 1, maxLength: 40 }),
      fc.nat(),
      (list, seed) => {
        const voxels = Int32Array.from(random.chance(0.5) ? list.sort((a, b) => a - b) : list);
        const start = () =>
          choosePatchStart(
            { size: [6, 4, 5], classLocations: { "1": voxels } },
            [1, 1, 1],
            [1, 1, 1],
            true,
            createRandom(seed),
            true,
          );
        const draw = createRandom(seed);
        draw.integer(0, 1); // the class
        const slices = [...new Set(list.map((voxel) => Math.floor(voxel / 20)))].sort((a, b) => a - b);
        const z = slices[draw.integer(0, slices.length)]!;
        const there = [...voxels].filter((voxel) => Math.floor(voxel / 20) === z);
        const voxel = there[draw.integer(0, there.length)]!;
        const expected = [z, Math.floor(voxel / 5) % 4, voxel % 5];
        expect(start()).toEqual(expected);
        expect(start()).toEqual(expected); // and again, from what is kept
      },
    ),
    { seed: 4, numRuns: 200 },
  );
});
