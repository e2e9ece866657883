import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { labelSet } from "@nnunet/core";
import { caseMetrics } from "@nnunet/evaluate";
import fc from "fast-check";

const labels = (names: Record<string, number | number[]>) =>
  labelSet({ channelNames: ["CT"], labels: { background: 0, ...names }, numTraining: 1, fileEnding: ".nii.gz" });

test("a hand-made case", () => {
  const reference = Int16Array.of(0, 1, 1, 1, 0, 0);
  const prediction = Int16Array.of(0, 0, 1, 1, 1, 0);
  expect(caseMetrics(reference, prediction, labels({ a: 1 }))).toEqual({
    "1": {
      dice: 4 / 6,
      iou: 2 / 4,
      truePositives: 2,
      falsePositives: 1,
      falseNegatives: 1,
      trueNegatives: 2,
      predictedVoxels: 3,
      referenceVoxels: 3,
    },
  });
});

const golden = JSON.parse(readFileSync(new URL("./fixtures/counts.json", import.meta.url), "utf8"));
test("counts equal nnU-Net's for labels and for a region", () => {
  const [seg, ref] = [Int16Array.from(golden.seg as number[]), Int16Array.from(golden.ref as number[])];
  const counts = (set: Record<string, number | number[]>, key: string) => {
    const m = caseMetrics(ref, seg, labels(set))[key]!;
    return [m.truePositives, m.falsePositives, m.falseNegatives, m.trueNegatives];
  };
  const plain = { a: 1, b: 2, c: 3 };
  expect(counts(plain, "1")).toEqual(golden.tp_fp_fn_tn_1);
  expect(counts(plain, "2")).toEqual(golden.tp_fp_fn_tn_2);
  expect(counts(plain, "3")).toEqual(golden.tp_fp_fn_tn_3);
  expect(counts({ whole: [1, 2], core: 2 }, "(1, 2)")).toEqual(golden["tp_fp_fn_tn_(1, 2)"]);
  expect(counts({ whole: [1, 2], core: 2 }, "2")).toEqual(golden.tp_fp_fn_tn_2);
});

test("a label that is nowhere has no Dice; one that is only predicted has 0", () => {
  const metrics = caseMetrics(Int16Array.of(0, 0), Int16Array.of(0, 2), labels({ a: 1, b: 2 }));
  expect(metrics["1"]!.dice).toBeNaN();
  expect(metrics["1"]!.iou).toBeNaN();
  expect(metrics["2"]!.dice).toBe(0);
});

test("ids beyond 16 bits, and -1 for outside, are kept apart", () => {
  const metrics = caseMetrics(
    Int32Array.of(70_000, 4464, -1),
    Int32Array.of(70_000, 70_000, 4464),
    labels({ a: 70_000 }),
  );
  expect(metrics["70000"]).toMatchObject({ truePositives: 1, falsePositives: 1, falseNegatives: 0, trueNegatives: 1 });
});

test("ignored voxels count for nothing", () => {
  const set = labels({ a: 1, ignore: 2 });
  const all = caseMetrics(Int16Array.of(2, 1, 0, 2, 1), Int16Array.of(1, 1, 0, 0, 0), set);
  expect(all).toEqual(caseMetrics(Int16Array.of(1, 0, 1), Int16Array.of(1, 0, 0), set));
});

test("Dice is symmetric, 1 with itself, and follows from IoU", () => {
  const values = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(values, values, (a, b) => {
      const n = Math.min(a.length, b.length);
      const [x, y] = [Int16Array.from(a.slice(0, n)), Int16Array.from(b.slice(0, n))];
      const set = labels({ a: 1, b: 2, c: 3 });
      for (const key of ["1", "2", "3"]) {
        const { dice, iou, truePositives, falsePositives, falseNegatives, trueNegatives } = caseMetrics(x, y, set)[
          key
        ]!;
        expect(truePositives + falsePositives + falseNegatives + trueNegatives).toBe(n);
        expect(caseMetrics(y, x, set)[key]!.dice).toBe(dice);
        if (!Number.isNaN(dice)) expect(dice).toBeCloseTo((2 * iou) / (1 + iou), 12);
        if (x.includes(Number(key))) expect(caseMetrics(x, x, set)[key]!.dice).toBe(1);
      }
    }),
    { seed: 1 },
  );
});

test("a prediction of another size and a dataset without foreground labels have no metrics", () => {
  expect(() => caseMetrics(new Int16Array(4), new Int16Array(5), labels({ a: 1 }))).toThrow(
    "prediction: expected shape [4], got [5]; as many voxels as the reference",
  );
  expect(() => caseMetrics(new Int16Array(4), new Int16Array(4), labels({}))).toThrow(
    "labels: expected at least one foreground label, got []",
  );
});
