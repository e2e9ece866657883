import { describe, expect, test } from "@jest/globals";
import { createRandom, type Shape3 } from "@nnunet/core";
import { type Connectivity, labelComponents } from "@nnunet/kernels";
import fc from "fast-check";

/** Breadth-first search from every voxel in turn. */
function byDefinition(values: Int16Array, [depth, height, width]: Shape3, connectivity: Connectivity): number[] {
  const labels = new Array<number>(values.length).fill(0);
  let count = 0;
  for (let seed = 0; seed < values.length; seed++) {
    if (values[seed] === 0 || labels[seed] !== 0) continue;
    labels[seed] = ++count;
    const queue = [seed];
    for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
      const [z, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
      for (let dz = -1; dz <= 1; dz++) {
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            if (connectivity === "face" && Math.abs(dz) + Math.abs(dy) + Math.abs(dx) !== 1) continue;
            const [nz, ny, nx] = [z + dz, y + dy, x + dx];
            if (nz < 0 || ny < 0 || nx < 0 || nz >= depth || ny >= height || nx >= width) continue;
            const j = (nz * height + ny) * width + nx;
            if (values[j] === values[seed] && labels[j] === 0) {
              labels[j] = count;
              queue.push(j);
            }
          }
        }
      }
    }
  }
  return labels;
}

describe("labelComponents", () => {
  test("by hand: a diagonal is one component or two", () => {
    const diagonal = Uint8Array.of(1, 0, 0, 1);
    expect(labelComponents(diagonal, [1, 2, 2], "face").count).toBe(2);
    expect(labelComponents(diagonal, [1, 2, 2], "full").count).toBe(1);
    expect(labelComponents(diagonal, [2, 1, 2], "full").count).toBe(1);
  });

  test("neighbours of different labels stay apart", () => {
    const { labels, sizes, values } = labelComponents(Int16Array.of(1, 1, 2, 0, -1), [1, 1, 5], "full");
    expect([...labels]).toEqual([1, 1, 2, 0, 3]);
    expect([...sizes]).toEqual([1, 2, 1, 1]);
    expect([...values]).toEqual([0, 1, 2, -1]);
  });

  test.each(["face", "full"] as const)("%s: equals a search from every voxel", (connectivity) => {
    const extent = fc.integer({ min: 1, max: 7 });
    fc.assert(
      fc.property(
        fc.tuple(extent, extent, extent),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        (shape, density, seed) => {
          const random = createRandom(seed);
          const n = shape[0] * shape[1] * shape[2];
          const values = Int16Array.from({ length: n }, () => {
            const v = random.integer(0, 100);
            return v % 10 < density ? 1 + (v > 70 ? 1 : 0) : 0;
          });
          const { labels, sizes, values: valueOfComponent, count } = labelComponents(values, shape, connectivity);
          expect([...labels]).toEqual(byDefinition(values, shape, connectivity));
          expect(count).toBe(sizes.length - 1);
          expect(labels.every((c, i) => valueOfComponent[c] === values[i])).toBe(true);
          const tally = new Array<number>(count + 1).fill(0);
          for (const c of labels) tally[c]!++;
          expect([...sizes]).toEqual(tally);
        },
      ),
      { seed: 1, numRuns: 150 },
    );
  });

  test("voxels that do not fill the shape and an unknown connectivity are refused", () => {
    expect(() => labelComponents(new Uint8Array(3), [1, 2, 2], "face")).toThrow("values: expected shape [4], got [3]");
    expect(() => labelComponents(new Uint8Array(4), [1, 2, 2], "edge" as "face")).toThrow(
      'connectivity: expected "face" or "full", got "edge"',
    );
  });
});
