import { expect, test } from "@jest/globals";
import { chooseSlices, drawSlice } from "@nnunet/report";
import fc from "fast-check";
import { anatomicalView } from "../src/slices/anatomical-view.ts";
import { areaPath, outlinePath } from "../src/slices/outline-path.ts";
import { madeCase } from "./sample-report.ts";

test("axial: the patient's right on the left, the front at the top; coronal and sagittal: the head at the top", () => {
  const standard = [1, 0, 0, 0, 1, 0, 0, 0, 1]; // x to the left, y to the back, z to the head
  expect(anatomicalView(standard, 0)).toMatchObject({ plane: "axial", edges: ["R", "L", "A", "P"] });
  expect(anatomicalView(standard, 1)).toMatchObject({ plane: "coronal", edges: ["R", "L", "S", "I"] });
  expect(anatomicalView(standard, 2)).toMatchObject({ plane: "sagittal", edges: ["A", "P", "S", "I"] });
});

test("however an image is stored, its axial slice looks the same", () => {
  // Each array axis along a patient axis, forwards or backwards, in any order.
  const orders = [0, 1, 2].flatMap((a) => [0, 1, 2].flatMap((b) => [0, 1, 2].map((c) => [a, b, c])));
  const permutations = orders.filter((order) => new Set(order).size === 3);
  for (const order of permutations) {
    for (const signs of orders.map((order) => order.map((n) => (n === 0 ? -1 : 1)))) {
      const direction = new Array<number>(9).fill(0);
      for (const [axis, patientAxis] of order.entries()) direction[3 * patientAxis + (2 - axis)] = signs[axis]!;
      const view = anatomicalView(direction, order.indexOf(2));
      expect(view.plane).toBe("axial");
      expect(view.edges).toEqual(["R", "L", "A", "P"]);
      expect(order[view.columns]).toBe(0);
      expect(view.reversesColumns).toBe(signs[view.columns] === -1);
      expect(order[view.rows]).toBe(1);
      expect(view.reversesRows).toBe(signs[view.rows] === -1);
    }
  }
});

test("an oblique image is shown along the nearest axes; one that does not say how it lies, as it is stored", () => {
  const c = Math.cos(0.5);
  const s = Math.sin(0.5);
  expect(anatomicalView([c, -s, 0, s, c, 0, 0, 0, 1], 0)).toMatchObject({ plane: "axial", columns: 2, rows: 1 });
  expect(anatomicalView(undefined, 0)).toMatchObject({ plane: "", columns: 2, rows: 1, edges: ["", "", "", ""] });
});

test("slices are cut across the coarse axis where there is one, else where the reference is largest", () => {
  const made = madeCase(1, 0);
  const [first] = chooseSlices(made.reference, made.prediction, made.shape, made.spacing);
  expect(first).toMatchObject({ across: 0, index: 8 }); // 2 mm slices, both balls around slice 8
  // A plate in the y–z plane, cut across x.
  const plate = Int16Array.from({ length: 10 * 10 * 10 }, (_, i) => (i % 10 === 4 ? 1 : 0));
  expect(chooseSlices(plate, plate, [10, 10, 10], [1, 1, 1])).toEqual([
    { across: 2, index: 4, shows: "the slice with most of the reference" },
  ]);
  expect(chooseSlices(Int16Array.of(1, 0), Int16Array.of(1, 0), [1, 1, 2], [999, 1, 1])[0]).toMatchObject({
    across: 0,
  });
});

test("a second slice shows the largest error where the first does not", () => {
  const reference = new Int16Array(6 * 16).fill(1, 0, 16); // slice 0 full, slice 3 a corner
  const prediction = reference.slice();
  prediction.fill(2, 3 * 16, 3 * 16 + 5);
  const chosen = chooseSlices(reference, prediction, [6, 4, 4], [5, 1, 1]);
  expect(chosen.map(({ index, shows }) => [index, shows])).toEqual([
    [0, "the slice with most of the reference"],
    [3, "the slice with the largest error"],
  ]);
  const none = new Int16Array(96);
  expect(chooseSlices(none, none, [6, 4, 4], [5, 1, 1])[0]!.shows).toBe("the middle slice; no label in the case");
  expect(chooseSlices(none, prediction, [6, 4, 4], [5, 1, 1])).toHaveLength(1);
});

test("outline and area of a mask, worked out by hand", () => {
  expect(outlinePath([1, 1, 0, 0], 2)).toBe("M0 0h2M0 1h2M0 0v1M2 0v1");
  expect(areaPath([0, 1, 1, 1], 2)).toBe("M1 0h1v1h-1zM0 1h2v1h-2z");
  expect(outlinePath([0, 0], 2)).toBe("");
});

test("the area's runs cover exactly the mask; every outline is closed", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 49 }),
      (width, bits) => {
        const mask = bits.slice(0, Math.max(1, Math.floor(bits.length / width)) * width);
        if (mask.length % width !== 0) return;
        const painted = new Array<number>(mask.length).fill(0);
        for (const [, x, y, length] of areaPath(mask, width).matchAll(/M(\d+) (\d+)h(\d+)/g)) {
          for (let i = 0; i < Number(length); i++) painted[Number(y) * width + Number(x) + i]! += 1;
        }
        expect(painted).toEqual(mask);
        // An even number of edges meets in every corner.
        const ends = new Map<string, number>();
        for (const [, x, y, way, length] of outlinePath(mask, width).matchAll(/M(\d+) (\d+)([hv])(\d+)/g)) {
          for (let i = 0; i < Number(length); i++) {
            const from = way === "h" ? [Number(x) + i, Number(y)] : [Number(x), Number(y) + i];
            const to = way === "h" ? [from[0]! + 1, from[1]!] : [from[0]!, from[1]! + 1];
            for (const corner of [from, to]) ends.set(corner.join(), (ends.get(corner.join()) ?? 0) + 1);
          }
        }
        expect([...ends.values()].every((count) => count % 2 === 0)).toBe(true);
      },
    ),
    { seed: 1 },
  );
});

test("a slice is cropped to its labels and what is around them, in physical proportion, missed and added apart", () => {
  const made = madeCase(2, 3);
  const [chosen] = chooseSlices(made.reference, made.prediction, made.shape, made.spacing);
  const slice = drawSlice(made, chosen!);
  expect(slice).toMatchObject({
    place: "axial, slice 9 of 16",
    pixelAspect: 1,
    pixelMm: 1,
    edges: ["R", "L", "A", "P"],
  });
  expect(slice.grey).toHaveLength(slice.width * slice.height);
  expect(slice.outlines.map(({ name }) => name)).toEqual(["anterior", "posterior"]);
  const area = (path: string) => [...path.matchAll(/h(\d+)v/g)].reduce((sum, [, length]) => sum + Number(length), 0);
  const at = chosen!.index * 40 * 48;
  const differing = (matches: (expected: number, found: number) => boolean) =>
    [...made.reference.subarray(at, at + 40 * 48)].filter((label, i) => {
      const found = made.prediction[at + i]!;
      return label !== found && matches(label, found);
    }).length;
  expect(area(slice.missed)).toBe(differing((_, found) => found === 0));
  expect(area(slice.added)).toBe(differing((expected) => expected === 0));
  expect(area(slice.confused)).toBe(differing((expected, found) => expected > 0 && found > 0));
  const sagittal = drawSlice(made, { across: 2, index: 16, shows: "" });
  expect(sagittal).toMatchObject({ pixelAspect: 2, edges: ["A", "P", "S", "I"] });
});
