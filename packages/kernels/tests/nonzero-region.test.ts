import { describe, expect, test } from "@jest/globals";
import { createRandom, type VolumeShape } from "@nnunet/core";
import { cropToBox, nonzeroBox, nonzeroRegion } from "@nnunet/kernels";
import fc from "fast-check";
import { fillHoles } from "../src/fill-holes.ts";

/** The definition, slowly: grow the background from a padded border until nothing changes. */
function maskByDefinition(data: Float32Array, [channels, d, h, w]: VolumeShape): number[] {
  const n = d * h * w;
  const object = Array.from({ length: n }, (_, i) =>
    Array.from({ length: channels }, (_, c) => data[c * n + i]).some((v) => v !== 0),
  );
  const outside = new Array<boolean>(n).fill(false);
  const at = (z: number, y: number, x: number) =>
    z < 0 || y < 0 || x < 0 || z >= d || y >= h || x >= w ? true : outside[(z * h + y) * w + x];
  for (let changed = true; changed; ) {
    changed = false;
    for (let z = 0; z < d; z++)
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) {
          const i = (z * h + y) * w + x;
          if (object[i] || outside[i]) continue;
          if (
            at(z - 1, y, x) ||
            at(z + 1, y, x) ||
            at(z, y - 1, x) ||
            at(z, y + 1, x) ||
            at(z, y, x - 1) ||
            at(z, y, x + 1)
          ) {
            outside[i] = true;
            changed = true;
          }
        }
  }
  return outside.map((o) => (o ? 0 : 1));
}

describe("nonzeroRegion", () => {
  test("a ring in a plane is no hole in 3D when a neighbour plane opens it", () => {
    const ring = [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    const flat = nonzeroRegion(Float32Array.from(ring), [1, 1, 5, 5]);
    // One plane alone: above and below lies the border, so the middle is reached through it.
    expect(flat.mask[12]).toBe(0);
    expect(flat.box).toEqual([
      [0, 1],
      [1, 4],
      [1, 4],
    ]);
    const lid = [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    const closed = nonzeroRegion(Float32Array.from([...lid, ...ring, ...lid]), [1, 3, 5, 5]);
    expect(closed.mask[25 + 12]).toBe(1);
    expect(closed.mask.reduce((a, b) => a + b, 0)).toBe(27);
  });

  test("an image of zeros keeps its whole box and has an empty mask", () => {
    const { mask, box } = nonzeroRegion(new Float32Array(24), [1, 2, 3, 4]);
    expect(box).toEqual([
      [0, 2],
      [0, 3],
      [0, 4],
    ]);
    expect(mask).toEqual(new Uint8Array(24));
  });

  test("equals the definition on random sparse images, whatever the shape", () => {
    fc.assert(
      fc.property(
        fc.tuple(
          fc.integer({ min: 1, max: 2 }),
          fc.integer({ min: 1, max: 6 }),
          fc.integer({ min: 1, max: 7 }),
          fc.integer({ min: 1, max: 7 }),
        ),
        fc.integer({ min: 10, max: 90 }),
        fc.nat(),
        (shape, percent, seed) => {
          const random = createRandom(seed);
          const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] * shape[3] }, () =>
            random.integer(0, 100) < percent ? 1 : 0,
          );
          const { mask, box } = nonzeroRegion(data, shape);
          expect(nonzeroBox(data, shape)).toEqual(box);
          expect([...mask]).toEqual(maskByDefinition(data, shape));
          if (mask.some((v) => v === 1)) {
            expect(cropToBox(mask, [1, shape[1], shape[2], shape[3]], box).reduce((a, b) => a + b, 0)).toBe(
              mask.reduce((a, b) => a + b, 0),
            );
          }
        },
      ),
      { seed: 1, numRuns: 150 },
    );
  });

  test("voxels that do not fill the shape and a box that reaches beyond it are refused", () => {
    expect(() => nonzeroRegion(new Float32Array(5), [1, 2, 3, 4])).toThrow("data: expected shape [24], got [5]");
    expect(() =>
      cropToBox(
        new Float32Array(24),
        [1, 2, 3, 4],
        [
          [0, 2],
          [0, 3],
          [2, 5],
        ],
      ),
    ).toThrow("box: expected one non-empty pair [first, end) per axis inside [2,3,4], got [[0, 2], [0, 3], [2, 5]]");
  });
});

test("holes are the same in WebAssembly and TypeScript, on larger masks and in a part of the volume", () => {
  const extent = fc.integer({ min: 1, max: 24 });
  fc.assert(
    fc.property(
      fc.tuple(extent, extent, fc.integer({ min: 1, max: 70 })),
      fc.integer({ min: 5, max: 95 }),
      fc.nat(),
      (shape, percent, seed) => {
        const random = createRandom(seed);
        const empty = random.integer(0, 5); // planes, rows and columns without object around it
        const mask = new Uint8Array(shape[0] * shape[1] * shape[2]);
        for (let z = 0, i = 0; z < shape[0]; z++) {
          for (let y = 0; y < shape[1]; y++) {
            for (let x = 0; x < shape[2]; x++, i++) {
              mask[i] = Math.min(z, y, x) >= empty && random.integer(0, 100) < percent ? 1 : 0;
            }
          }
        }
        const expected = maskByDefinition(Float32Array.from(mask), [1, ...shape]);
        const { mask: found, box } = nonzeroRegion(mask, [1, ...shape]);
        expect([...found]).toEqual(expected);
        if (!mask.includes(1)) return;
        const plain = mask.slice();
        fillHoles(plain, shape, box as Parameters<typeof fillHoles>[2], { simd: false });
        expect([...plain]).toEqual(expected);
      },
    ),
    { seed: 5, numRuns: 60 },
  );
});
