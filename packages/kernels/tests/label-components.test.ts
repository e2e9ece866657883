import { describe, expect, test } from "@jest/globals";
import { createRandom, type Shape3 } from "@nnunet/core";
import { type Components, type Connectivity, labelComponents } from "@nnunet/kernels";
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
          const components = labelComponents(values, shape, connectivity);
          expect(labelComponents(values, shape, connectivity, { simd: false })).toEqual(components);
          expect(labelComponents(Uint8Array.from(values), shape, connectivity)).toEqual(components);
          const { labels, sizes, values: valueOfComponent, count } = components;
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

  /** What the random masks above are too small for: rows longer than a register, many runs, full and empty rows. */
  const masks: Record<string, (z: number, y: number, x: number) => number> = {
    empty: () => 0,
    full: () => 1,
    "one label for all but one voxel": (z, y, x) => (z === 1 && y === 2 && x === 33 ? 2 : 1),
    checkerboard: (z, y, x) => (z + y + x) % 2,
    "two labels without background": (z, y, x) => 1 + ((z + y + x) % 2),
    "a new label every voxel": (_, __, x) => 1 + (x % 250),
    comb: (z, y, x) => (x % 2 === 0 || y === 0 ? 1 : z === 3 ? 1 : 0),
    "diagonal planes": (z, y, x) => ((z + y + x) % 5 === 0 ? 1 : 0),
    "runs that end together": (z, y, x) => ((z + y) % 2 === 0 ? (x % 8 < 4 ? 1 : 0) : x % 8 < 4 ? 0 : 1),
  };
  test.each(Object.keys(masks))("%s: equals a search from every voxel, in WebAssembly and TypeScript", (name) => {
    for (const shape of [
      [4, 5, 16],
      [4, 5, 17],
      [3, 4, 47],
      [1, 6, 64],
      [5, 1, 33],
    ] as const) {
      const values = new Int16Array(shape[0] * shape[1] * shape[2]);
      let i = 0;
      for (let z = 0; z < shape[0]; z++) {
        for (let y = 0; y < shape[1]; y++) for (let x = 0; x < shape[2]; x++) values[i++] = masks[name]!(z, y, x);
      }
      for (const connectivity of ["face", "full"] as const) {
        const expected = byDefinition(values, shape, connectivity);
        for (const Kind of [Uint8Array, Int16Array, Int32Array]) {
          for (const simd of [true, false]) {
            const { labels } = labelComponents(Kind.from(values), shape, connectivity, { simd });
            expect([...labels]).toEqual(expected);
          }
        }
      }
    }
  });

  test("values of two bytes are told apart by both", () => {
    for (const simd of [true, false]) {
      const { values } = labelComponents(Uint16Array.of(1, 257, 257, 65535), [1, 1, 4], "full", { simd });
      expect([...values]).toEqual([0, 1, 257, 65535]);
    }
  });

  test("a volume after a larger one, and a view into a buffer, are labelled alike", () => {
    const noise = (n: number, seed: number) => {
      const random = createRandom(seed);
      return Uint8Array.from({ length: n }, () => random.integer(0, 2));
    };
    const check = (values: Uint8Array, shape: Shape3) => {
      const [ours, twin] = [true, false].map((simd) => labelComponents(values, shape, "full", { simd })) as [
        Components,
        Components,
      ];
      expect(ours.count).toBe(twin.count);
      expect(Buffer.from(ours.labels.buffer).equals(Buffer.from(twin.labels.buffer))).toBe(true);
      expect(ours.sizes).toEqual(twin.sizes);
    };
    const large = new Uint8Array(2100 * 2048); // a plane that more than the memory that is kept is laid out for
    large.set(noise(50_000, 1), 1_000_000);
    check(large, [1, 2100, 2048]);
    check(noise(6 * 7 * 40, 2), [6, 7, 40]);
    check(noise(6 * 7 * 40 + 3, 3).subarray(3), [6, 7, 40]);
  });

  test("voxels that do not fill the shape and an unknown connectivity are refused", () => {
    expect(() => labelComponents(new Uint8Array(3), [1, 2, 2], "face")).toThrow("values: expected shape [4], got [3]");
    expect(() => labelComponents(new Uint8Array(4), [1, 2, 2], "edge" as "face")).toThrow(
      'connectivity: expected "face" or "full", got "edge"',
    );
  });
});
