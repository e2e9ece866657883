import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import type { Shape3 } from "@nnunet/core";
import { keepLargestComponents } from "@nnunet/postprocess";
import fc from "fast-check";

const golden: Record<string, number[]> = JSON.parse(
  readFileSync(new URL("./fixtures/keep-largest.json", import.meta.url), "utf8"),
);
const shape = golden["shape"] as unknown as Shape3;

test.each([
  ["v1_all_fg", [[1, 2]], "face"],
  ["v1_label1", [[1]], "face"],
  ["v2_all_fg", [[1, 2]], "full"],
  ["v2_label1", [[1]], "full"],
  ["v2_label2", [[2]], "full"],
] as const)("%s equals nnU-Net's", (key, groups, connectivity) => {
  const result = keepLargestComponents(Int16Array.from(golden["seg"]!), shape, groups, { connectivity });
  expect(Array.from(result)).toEqual(golden[key]);
});

test("a hand-made line: ties are kept, other labels are left alone, the input too", () => {
  const line = Int16Array.of(1, 1, 0, 1, 1, 0, 1, 2, 0, 2, 2);
  const before = line.slice();
  expect(Array.from(keepLargestComponents(line, [1, 1, 11], [[1]]))).toEqual([1, 1, 0, 1, 1, 0, 0, 2, 0, 2, 2]);
  expect(Array.from(keepLargestComponents(line, [1, 1, 11], [[1, 2]]))).toEqual([1, 1, 0, 1, 1, 0, 1, 2, 0, 2, 2]);
  expect(Array.from(keepLargestComponents(line, [1, 1, 11], [[2], [1]]))).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0, 2, 2]);
  expect(line).toEqual(before);
});

test("faces against corners", () => {
  const square = Int16Array.of(1, 1, 0, 0, 0, 1, 0, 0, 0);
  expect(Array.from(keepLargestComponents(square, [1, 3, 3], [[1]]))).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0]);
  expect(Array.from(keepLargestComponents(square, [1, 3, 3], [[1]], { connectivity: "full" }))).toEqual(
    Array.from(square),
  );
});

test("groups by themselves in one call equal one call each, overlapping or not; twice is once", () => {
  const volume = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 60, maxLength: 60 });
  const groups = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1 }), { maxLength: 4 });
  fc.assert(
    fc.property(volume, groups, fc.constantFrom("face" as const, "full" as const), (values, list, connectivity) => {
      const seg = Int16Array.from(values);
      const together = keepLargestComponents(seg, [3, 4, 5], list, { connectivity });
      let oneByOne: Int16Array = seg;
      for (const group of list) oneByOne = keepLargestComponents(oneByOne, [3, 4, 5], [group], { connectivity });
      expect(together).toEqual(oneByOne);
      together.forEach((id, i) => {
        expect(id === 0 || id === seg[i]).toBe(true);
      });
      for (const group of list) {
        const once = keepLargestComponents(seg, [3, 4, 5], [group], { connectivity });
        expect(keepLargestComponents(once, [3, 4, 5], [group], { connectivity })).toEqual(once);
      }
    }),
    { seed: 1 },
  );
});

test("the background as a group and voxels that do not fill the shape are refused", () => {
  const seg = new Int16Array(4);
  expect(() => keepLargestComponents(seg, [1, 1, 4], [[0, 1]])).toThrow(
    "groups: expected lists of foreground label ids, got [0, 1]",
  );
  expect(() => keepLargestComponents(seg, [1, 1, 5], [[1]])).toThrow("expected shape [5], got [4]");
});
