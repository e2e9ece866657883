import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { createRandom, type Shape3 } from "@nnunet/core";
import {
  type LineReader,
  numbersInMemory,
  PanelScratch,
  type ResampleImageOptions,
  resampleImage,
  resampleLabels,
  resampleSlices,
  transposeVolume,
} from "@nnunet/kernels";
import fc from "fast-check";

interface GoldenCase {
  shape: number[];
  new_shape: number[];
  separate_z: boolean;
  axis: number | null;
  data: number[];
  seg: number[];
  data_order3: number[];
  data_order1: number[];
  seg_order1: number[];
}
const golden = (
  JSON.parse(readFileSync(new URL("./fixtures/resampling.json", import.meta.url), "utf8")) as { cases: GoldenCase[] }
).cases;

const extent = fc.integer({ min: 1, max: 9 });
const anyShape = fc.tuple(extent, extent, extent) as fc.Arbitrary<Shape3>;
const size = (s: readonly number[]) => s.reduce((a, b) => a * b, 1);
const values = (n: number) =>
  fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: n, maxLength: n }).map((v) => Float32Array.from(v));

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
  return worst;
}

describe("agreement with scikit-image as nnU-Net calls it", () => {
  const runs = golden.flatMap((g) => [true, false].map((simd) => ({ g, simd })));
  test.each(
    runs.map(
      ({ g, simd }) =>
        [`${g.shape.slice(1)} → ${g.new_shape}, separate z ${g.separate_z}, simd ${simd}`, g, simd] as const,
    ),
  )("%s", (_, g, simd) => {
    const shape = g.shape.slice(1) as unknown as Shape3;
    const target = g.new_shape as unknown as Shape3;
    const separateAxis = g.separate_z ? { axis: g.axis!, order: 0 as const } : undefined;
    const data = Float32Array.from(g.data);
    // Values reach ±150; float32 keeps 7 digits of them, and we round after each of three passes: 5e-5.
    expect(
      largestDifference(resampleImage(data, shape, target, { order: 3, separateAxis, simd }), g.data_order3),
    ).toBeLessThan(5e-5);
    expect(
      largestDifference(resampleImage(data, shape, target, { order: 1, separateAxis }), g.data_order1),
    ).toBeLessThan(5e-5);
    const labels = resampleLabels(Int16Array.from(g.seg), shape, target, { order: 1, separateAxis });
    // The sums run in SciPy's order, so that even shares of exactly one half fall alike.
    expect([...labels]).toEqual(g.seg_order1);
  });
});

test("agrees with scikit-image and SciPy on 14 random volumes, slices across any axis", () => {
  const cases: {
    shape: Shape3;
    target: Shape3;
    axis: number | null;
    image: number[];
    labels: number[];
    order1: number[];
    order3: number[];
    labelsOut: number[];
  }[] = JSON.parse(readFileSync(new URL("./fixtures/resample-cases.json", import.meta.url), "utf8"));
  for (const { shape, target, axis, image, labels, ...expected } of cases) {
    const separateAxis = axis === null ? undefined : { axis, order: 0 as const };
    const data = Float32Array.from(image);
    // As above: three float32 roundings of values up to 200.
    expect(
      largestDifference(resampleImage(data, shape, target, { order: 1, separateAxis }), expected.order1),
    ).toBeLessThan(5e-5);
    expect(
      largestDifference(resampleImage(data, shape, target, { order: 3, separateAxis }), expected.order3),
    ).toBeLessThan(5e-5);
    expect([...resampleLabels(Int16Array.from(labels), shape, target, { order: 1, separateAxis })]).toEqual(
      expected.labelsOut,
    );
  }
});

describe("resampleImage", () => {
  test("linear, by hand", () => {
    expect([...resampleImage(Float32Array.of(0, 1), [1, 1, 2], [1, 1, 4], { order: 1 })]).toEqual([0, 0.25, 0.75, 1]);
  });

  test("nearest sends a tie up", () => {
    // Output voxel 0 lies at 0.5, between voxels 0 and 1; voxel 1 at 2.5.
    expect([...resampleImage(Float32Array.of(1, 2, 3, 4), [1, 1, 4], [1, 1, 2], { order: 0 })]).toEqual([2, 4]);
  });

  test.each([0, 1, 3] as const)(
    "order %d: a constant stays that constant, exactly enough, and within its range",
    (order) => {
      fc.assert(
        fc.property(anyShape, anyShape, fc.integer({ min: -2000, max: 2000 }), (shape, target, value) => {
          const out = resampleImage(new Float32Array(size(shape)).fill(value), shape, target, { order });
          expect(out.every((v) => v === value)).toBe(true); // clipped to [value, value]
        }),
        { seed: 2 },
      );
    },
  );

  test.each([0, 1, 3] as const)("order %d: mirrored input gives mirrored output, on every axis", (order) => {
    fc.assert(
      fc.property(
        anyShape.chain((s) => fc.tuple(fc.constant(s), anyShape, values(size(s)))),
        ([shape, target, data]) => {
          // Nearest is not symmetric at ties, so order 0 is tried on odd ratios of sizes only.
          if (order === 0) target = [shape[0] * 3, shape[1] * 3, shape[2] * 3];
          const flipped = resampleImage(data.slice().reverse(), shape, target, { order }).reverse();
          expect(largestDifference(resampleImage(data, shape, target, { order }), flipped)).toBeLessThan(2e-3);
        },
      ),
      { seed: 3, numRuns: 40 },
    );
  });

  test("axes are treated alike: transposing before equals transposing after", () => {
    fc.assert(
      fc.property(
        anyShape.chain((s) => fc.tuple(fc.constant(s), anyShape, values(size(s)))),
        fc.constantFrom(
          ...([
            [2, 1, 0],
            [1, 2, 0],
            [0, 2, 1],
          ] as const),
        ),
        fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
        ([shape, target, data], axes, across) => {
          const turn = (s: Shape3): Shape3 => [s[axes[0]], s[axes[1]], s[axes[2]]];
          const separate = (axis: number | undefined) => (axis === undefined ? undefined : { axis, order: 0 as const });
          const plain = resampleImage(data, shape, target, { order: 3, separateAxis: separate(across) });
          const turned = resampleImage(transposeVolume(data, [1, ...shape], axes).data, turn(shape), turn(target), {
            order: 3,
            separateAxis: separate(across === undefined ? undefined : axes.indexOf(across as 0 | 1 | 2)),
          });
          expect(largestDifference(transposeVolume(plain, [1, ...target], axes).data, turned)).toBeLessThan(2e-3);
        },
      ),
      { seed: 4 },
    );
  });

  test("WebAssembly with SIMD runs here", () => {
    expect(new PanelScratch().simd).toBeDefined(); // Node 20 has it on every platform
    expect(new PanelScratch(false).simd).toBeUndefined();
  });

  test("WebAssembly and TypeScript give the same bits", () => {
    const larger = fc.integer({ min: 1, max: 80 });
    fc.assert(
      fc.property(
        fc
          .tuple(extent, larger, larger)
          .chain((s) => fc.tuple(fc.constant(s as Shape3), fc.tuple(extent, larger, larger))),
        fc.constantFrom(undefined, { axis: 0, order: 0 as const }, { axis: 0, order: 3 as const }),
        fc.constantFrom(1 as const, 3 as const),
        fc.integer(),
        ([shape, target], separateAxis, order, seed) => {
          const random = createRandom(seed);
          const data = Float32Array.from({ length: size(shape) }, () => random.uniform(-1000, 1000));
          const [fast, plain] = [true, false].map((simd) =>
            resampleImage(data, shape, target, { order, separateAxis, simd }),
          );
          expect(Buffer.from(fast!.buffer).equals(Buffer.from(plain!.buffer))).toBe(true);
        },
      ),
      { seed: 8, numRuns: 60 },
    );
  });

  test("overwriting the input changes nothing in the output", () => {
    fc.assert(
      fc.property(
        anyShape.chain((s) => fc.tuple(fc.constant(s), anyShape, values(size(s)))),
        fc.constantFrom(
          ...([
            { order: 3 },
            { order: 1 },
            { order: 3, separateAxis: { axis: 0, order: 0 } },
            { order: 3, separateAxis: { axis: 1, order: 3 } },
          ] satisfies ResampleImageOptions[]),
        ),
        ([shape, target, data], options: ResampleImageOptions) => {
          const kept = data.slice();
          const out = resampleImage(data, shape, target, options);
          expect(data).toEqual(kept);
          const given = new Float32Array(size(target) + 2).fill(7);
          resampleImage(data, shape, target, { ...options, out: given.subarray(1, -1) });
          expect([...given]).toEqual([7, ...out, 7]);
          expect(resampleImage(data, shape, target, { ...options, overwriteInput: true })).toEqual(out);
        },
      ),
      { seed: 5, numRuns: 60 },
    );
  });

  test("slices that come and go one at a time give the whole, bit by bit", () => {
    fc.assert(
      fc.property(
        anyShape.chain((s) => fc.tuple(fc.constant(s), fc.oneof(anyShape, fc.constant(s)), values(size(s)))),
        fc.constantFrom<0 | 1 | 3>(0, 1, 3),
        fc.option(fc.record({ axis: fc.constantFrom(0, 1, 2), order: fc.constantFrom<0 | 1 | 3>(0, 1, 3) }), {
          nil: undefined,
        }),
        fc.boolean(),
        fc.constantFrom(1, 200, 1e6),
        ([shape, target, data], order, separateAxis, simd, panelBytes) => {
          const options = { order, separateAxis, simd };
          const read = (axes: readonly number[]): LineReader => {
            const turned = transposeVolume(data, [1, ...shape], axes);
            const [, , height, width] = turned.shape;
            return (z, y0, y1, out) =>
              out.set(turned.data.subarray((z * height + y0) * width, (z * height + y1) * width));
          };
          const out = numbersInMemory(size(target));
          const scratch = () => numbersInMemory(40 ** 3);
          resampleSlices(read, shape, target, { ...options, panelBytes }, out, scratch);
          expect(out.data).toEqual(resampleImage(data, shape, target, options));
        },
      ),
      { seed: 6, numRuns: 400 },
    );
  });

  test("a shape that the data do not fill, an order that is no spline's and an axis that is none are refused", () => {
    const two = Float32Array.of(0, 1);
    expect(() => resampleImage(two, [1, 1, 3], [1, 1, 4], { order: 1 })).toThrow("data: expected shape [3], got [2]");
    expect(() => resampleImage(two, [1, 1, 2], [1, 1, 4], { order: 1, out: new Float32Array(3) })).toThrow(
      "out: expected shape [4], got [3]",
    );
    expect(() => resampleImage(two, [1, 1, 2], [1, 0, 4], { order: 1 })).toThrow(
      "target: expected three positive integers [z, y, x], got [1, 0, 4]",
    );
    expect(() => resampleImage(two, [1, 1, 2], [1, 1, 4], { order: 2 as 1 })).toThrow(
      "order: expected 0 (nearest), 1 (linear) or 3 (cubic), got 2",
    );
    expect(() => resampleImage(two, [1, 1, 2], [1, 1, 4], { order: 1, separateAxis: { axis: 3, order: 0 } })).toThrow(
      "separateAxis.axis: expected 0, 1 or 2, got 3",
    );
  });
});

describe("resampleLabels", () => {
  /** The rule as written: one linear resize per label, ascending, at least one half overwrites. */
  function byDefinition(labels: Int16Array, shape: Shape3, target: Shape3, separate: boolean): Int16Array {
    const out = new Int16Array(size(target));
    const separateAxis = separate ? { axis: 0, order: 0 as const } : undefined;
    for (const label of [...new Set(labels)].sort((a, b) => a - b)) {
      const mask = Float32Array.from(labels, (v) => (v === label ? 1 : 0));
      const share = resampleImage(mask, shape, target, { order: 1, separateAxis });
      for (let i = 0; i < out.length; i++) if (share[i]! >= 0.5) out[i] = label;
    }
    return out;
  }

  test("equals one resize per label away from ties", () => {
    fc.assert(
      fc.property(
        anyShape.chain((s) =>
          fc.tuple(
            fc.constant(s),
            anyShape,
            fc.array(fc.integer({ min: -1, max: 3 }), { minLength: size(s), maxLength: size(s) }),
          ),
        ),
        fc.boolean(),
        ([shape, target, list], separate) => {
          const labels = Int16Array.from(list);
          const ours = resampleLabels(labels, shape, target, {
            order: 1,
            ...(separate && { separateAxis: { axis: 0, order: 0 as const } }),
          });
          const reference = byDefinition(labels, shape, target, separate);
          for (let i = 0; i < ours.length; i++) {
            if (ours[i] === reference[i]) continue;
            // Only a tie may differ: shares that are one half up to float32 rounding.
            const shares = [...new Set(labels)].map((label) => {
              const mask = Float32Array.from(labels, (v) => (v === label ? 1 : 0));
              return resampleImage(mask, shape, target, {
                order: 1,
                separateAxis: separate ? { axis: 0, order: 0 } : undefined,
              })[i]!;
            });
            expect(Math.min(...shares.map((s) => Math.abs(s - 0.5)))).toBeLessThan(1e-6);
          }
        },
      ),
      { seed: 7 },
    );
  });

  test("labels are never resampled by a cubic spline", () => {
    expect(() => resampleLabels(new Int16Array(2), [1, 1, 2], [1, 1, 4], { order: 3 as 1 })).toThrow(
      "order: expected 0 or 1 for labels, got 3",
    );
  });
});
