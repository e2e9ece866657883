import { describe, expect, test } from "@jest/globals";
import { type AugmentedPatch, createBatchSampler, createBatchSource } from "@nnunet/augment";
import { labelSet } from "@nnunet/core";
import { syntheticCase } from "./synthetic-case.ts";

const labelled = (labels: Record<string, number | readonly number[]>) =>
  labelSet({ channelNames: ["MRI"], labels, numTraining: 1, fileEnding: "" });
const options = {
  cases: [syntheticCase("liver_3", [10, 12, 12])],
  configuration: {
    patchSize: [8, 8, 8],
    batchSize: 1,
    dummy2dAugmentation: false,
    useMaskForNorm: [false],
    augmentation: "none",
  },
  labels: labelled({ background: 0, a: 1, b: 2 }),
  seed: 5,
  mode: "training",
  outputScales: [[1, 1, 1]],
} as const;

/** A batch by an augmentation of one's own, in code: no config file is there to look at it. */
const batchBy = (augment: (patch: AugmentedPatch) => unknown, changes: Partial<typeof options> | object = {}) =>
  createBatchSampler({ name: "mine", augment: augment as () => void })
    .createBatchSource({ ...options, ...changes })
    .batch(0, 0);

const inPlace =
  "augmentation mine, case liver_3: expected an augment() that changes the arrays of the patch in place; ";

describe("an augmentation in code that breaks its contract is refused with its name and the case", () => {
  test("arrays that nobody would look at", async () => {
    const other = ({ data }: AugmentedPatch) => data.map((x) => -x);
    await expect(batchBy((patch) => ({ ...patch, data: other(patch) }))).rejects.toThrow(`${inPlace}what it returns`);
    await expect(batchBy(other)).rejects.toThrow(`${inPlace}what it returns is used by nobody`);
    const replaced = `${inPlace}what is put in their place is used by nobody, got Float32Array(512)`;
    await expect(batchBy((patch) => void ((patch as { data: unknown }).data = other(patch)))).rejects.toThrow(replaced);
    // not strict: it would not be told that a frozen property cannot be set
    const sloppy = new Function("patch", "patch.seg = new Int16Array(512)") as () => void;
    await expect(batchBy(sloppy)).rejects.toThrow(`${inPlace}what is put in their place`);
    await expect(batchBy(async () => {})).rejects.toThrow("case liver_3: expected a synchronous augment()");
    const sent = ({ data }: AugmentedPatch) => void structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
    await expect(batchBy(sent)).rejects.toThrow("the arrays of the patch, not given to another thread");
  });

  test("voxels that are not finite, and labels that no class has", async () => {
    await expect(batchBy(({ data }) => void (data[7] = Number.NaN))).rejects.toThrow(
      "augmentation mine, case liver_3: expected finite voxels, got NaN",
    );
    for (const label of [7, -2]) {
      await expect(batchBy(({ seg }) => void (seg[7] = label))).rejects.toThrow(
        `augmentation mine, case liver_3: expected labels of dataset.json (0, 1, 2), or −1 outside, got ${label}`,
      );
    }
  });

  test("a label that no region has, which would be 0 in each", async () => {
    const regions = { labels: labelled({ background: 0, whole: [1, 2], core: [2] }) };
    await expect(batchBy(({ seg }) => void (seg[7] = 3), regions)).rejects.toThrow("expected labels of dataset.json");
    const stray = createBatchSource({
      ...options,
      ...regions,
      cases: [syntheticCase("odd", [8, 8, 8], { labels: [5] })],
    });
    await expect(stray.batch(0, 0)).rejects.toThrow(
      "case odd: expected labels of dataset.json (0, 1, 2), or −1 outside",
    );
  });

  test("no name, no function", () => {
    const make = (given: unknown) => () => createBatchSampler(given as Parameters<typeof createBatchSampler>[0]);
    expect(make(undefined)).toThrow("augmentation: expected an object, got undefined");
    expect(make({ augment() {} })).toThrow("augmentation.name: expected a name, got undefined");
    expect(make({ name: "mine" })).toThrow("augmentation.augment: expected a function, got undefined");
  });
});

test("an augmentation that changes the patch, or returns it or a number, is taken", async () => {
  const plain = await batchBy(() => {});
  for (const returned of [({ data }: AugmentedPatch) => data.reverse(), (patch: AugmentedPatch) => patch, () => 7]) {
    expect((await batchBy(returned)).shape).toEqual(plain.shape);
  }
  const negative = await batchBy(({ data }) => void data.forEach((x, i) => void (data[i] = -x)));
  expect(negative.data).toEqual(plain.data.map((x) => -x));
});
