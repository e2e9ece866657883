import { expect, test } from "@jest/globals";
import {
  applyBinaryOperator,
  augmentationParameters,
  augmentPreviousSegmentation,
  binaryOperators,
  createBatchSource,
  oneHot,
  operateOnLabel,
  removeRandomComponent,
  removeSmallComponents,
} from "@nnunet/augment";
import { createRandom, labelSet, type Shape3 } from "@nnunet/core";
import fc from "fast-check";
import { syntheticCase } from "./synthetic-case.ts";

/** The definition: a voxel is in the dilation if any object voxel lies within the radius. */
function slowOperator(mask: Uint8Array, shape: Shape3, operator: string, radius: number): Uint8Array {
  const reach = Math.floor(radius);
  const [nz, ny, nx] = shape;
  const near = (m: Uint8Array, value: number) =>
    m.map((_, i) => {
      const [z, y, x] = [Math.floor(i / (ny * nx)), Math.floor(i / nx) % ny, i % nx];
      for (let a = Math.max(0, z - reach); a <= Math.min(nz - 1, z + reach); a++) {
        for (let b = Math.max(0, y - reach); b <= Math.min(ny - 1, y + reach); b++) {
          for (let c = Math.max(0, x - reach); c <= Math.min(nx - 1, x + reach); c++) {
            if (m[(a * ny + b) * nx + c] === value && (a - z) ** 2 + (b - y) ** 2 + (c - x) ** 2 <= radius ** 2)
              return 1;
          }
        }
      }
      return 0;
    });
  const dilate = (m: Uint8Array) => near(m, 1);
  const erode = (m: Uint8Array) => near(m, 0).map((v) => 1 - v);
  if (operator === "dilation") return dilate(mask);
  if (operator === "erosion") return erode(mask);
  return operator === "opening" ? dilate(erode(mask)) : erode(dilate(mask));
}

test("every operator agrees with its definition", () => {
  const extent = fc.integer({ min: 1, max: 8 });
  const longRow = fc.integer({ min: 1, max: 70 }); // more than two words of bits
  fc.assert(
    fc.property(
      fc.tuple(extent, extent, longRow),
      fc.integer(),
      fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      fc.double({ min: 0, max: 4.5, noNaN: true }),
      fc.constantFrom(...binaryOperators),
      (size, seed, density, radius, operator) => {
        const random = createRandom(seed);
        const shape = size as Shape3;
        const mask = Uint8Array.from({ length: size[0] * size[1] * size[2] }, () => (random.chance(density) ? 1 : 0));
        const copy = Uint8Array.from(mask);
        const expected = slowOperator(mask, shape, operator, radius);
        expect(Buffer.compare(applyBinaryOperator(mask, shape, operator, radius), expected)).toBe(0);
        expect(Buffer.compare(mask, copy)).toBe(0);
      },
    ),
    { seed: 1, numRuns: 100 },
  );
});

test("what a label gains, the others lose; what it loses is background", () => {
  const masks = oneHot(Int16Array.of(0, 1, 2, 2, 0, 0), [1, 2]);
  operateOnLabel(masks, 0, [1, 1, 6], "dilation", 1);
  expect(masks.map((m) => [...m])).toEqual([
    [1, 1, 1, 0, 0, 0],
    [0, 0, 0, 1, 0, 0],
  ]);
  operateOnLabel(masks, 1, [1, 1, 6], "erosion", 1);
  expect(masks.map((m) => [...m])).toEqual([
    [1, 1, 1, 0, 0, 0],
    [0, 0, 0, 0, 0, 0],
  ]);
});

test("removes one of the small components, each equally often, and never a large one", () => {
  // sizes 1, 2 and 4 of 12 voxels; at most 0.25 of them are small
  const mask = Uint8Array.of(1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0);
  const removed = [0, 0, 0, 0, 0];
  const random = createRandom(2);
  for (let i = 0; i < 400; i++) removed[removeRandomComponent(Uint8Array.from(mask), [1, 1, 12], 0.25, random)]!++;
  expect(removed[1]! + removed[2]!).toBe(400);
  expect(Math.abs(removed[1]! - 200)).toBeLessThan(40); // four binomial standard deviations
  const large = Uint8Array.of(1, 1, 1);
  expect(removeRandomComponent(large, [1, 1, 3], 0.15, random)).toBe(0);
  expect([...large]).toEqual([1, 1, 1]);
});

test("removes all small components at once, the paper's words, and leaves large ones", () => {
  const mask = Uint8Array.of(1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0);
  expect(removeSmallComponents(mask, [1, 1, 12], 0.25)).toBe(3);
  expect([...mask]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0]);
});

test("paper: one operator and one radius for all labels, all small components go; v2: drawn for each label, one goes", () => {
  // Two equal single voxels of each label, far apart: what one label becomes, the other becomes, where the draw is common.
  const size: Shape3 = [1, 1, 120];
  const masksOf = () => {
    const seg = new Int16Array(120);
    for (const [at, label] of [
      [15, 1],
      [45, 1],
      [75, 2],
      [105, 2],
    ] as const)
      seg[at] = label;
    return oneHot(seg, [1, 2]);
  };
  const count = (mask: Uint8Array) => mask.reduce((sum, v) => sum + v, 0);
  const outcomes = (set: "paper" | "v2", changes: Partial<typeof augmentationParameters.paper.cascade>) =>
    Array.from({ length: 60 }, (_, seed) => {
      const masks = masksOf();
      const certain = { morphologyLabelProbability: 1, removalLabelProbability: 1 };
      const parameters = { ...augmentationParameters[set].cascade, ...certain, ...changes };
      augmentPreviousSegmentation(masks, size, parameters, createRandom(seed));
      return masks.map(count);
    });
  const operators = { morphologyProbability: 1, removalProbability: 0 };
  expect(outcomes("paper", operators).every(([one, two]) => one === two)).toBe(true);
  expect(outcomes("v2", operators).some(([one, two]) => one !== two)).toBe(true);
  const removal = { morphologyProbability: 0, removalProbability: 1 };
  expect(outcomes("paper", removal).every((counts) => counts.join() === "0,0")).toBe(true);
  expect(outcomes("v2", removal).every((counts) => counts.join() === "1,1")).toBe(true);
});

test("masks stay one-hot", () => {
  const always = { ...augmentationParameters.paper.cascade, morphologyProbability: 1, removalProbability: 1 };
  for (let seed = 0; seed < 20; seed++) {
    const random = createRandom(seed);
    const seg = Int16Array.from({ length: 12 ** 3 }, () => random.integer(-1, 4));
    const masks = oneHot(seg, [1, 2, 3]);
    augmentPreviousSegmentation(masks, [12, 12, 12], always, random);
    for (let i = 0; i < seg.length; i++) {
      const sum = masks[0]![i]! + masks[1]![i]! + masks[2]![i]!;
      if (sum > 1) throw new Error(`voxel ${i} has ${sum} labels`);
    }
  }
});

const labels = labelSet({
  channelNames: ["CT"],
  labels: { background: 0, a: 1, b: 2 },
  numTraining: 1,
  fileEnding: "",
});
const fullCase = syntheticCase("a", [20, 20, 20]);
const cascade = {
  cases: [fullCase],
  labels,
  seed: 3,
  mode: "training",
  outputScales: [[1, 1, 1]],
  configuration: {
    patchSize: [12, 12, 12],
    batchSize: 4,
    dummy2dAugmentation: false,
    useMaskForNorm: [false],
    augmentation: "paper",
  },
} as const;

test("the previous segmentation moves with the image and follows it as one channel per label", async () => {
  const spatial = { ...augmentationParameters.paper, cascade: augmentationParameters.none.cascade };
  const source = createBatchSource({ ...cascade, augmentation: spatial, previousSegmentations: [fullCase] });
  for (let iteration = 0; iteration < 5; iteration++) {
    const { data, shape, targets } = await source.batch(0, iteration);
    expect(shape).toEqual([4, 3, 12, 12, 12]);
    const voxels = 12 ** 3;
    for (let sample = 0; sample < 4; sample++) {
      for (const label of [1, 2]) {
        const channel = data.subarray((sample * 3 + label) * voxels, (sample * 3 + label + 1) * voxels);
        const target = targets[0]!.data.subarray(sample * voxels, (sample + 1) * voxels);
        expect(channel.findIndex((value, i) => value !== (target[i] === label ? 1 : 0))).toBe(-1);
      }
    }
  }
});

test("a negative radius, and previous segmentations that are not one per case on its grid, are refused", () => {
  expect(() => applyBinaryOperator(new Uint8Array(8), [2, 2, 2], "erosion", -1)).toThrow(
    "radius: expected a number of voxels in [0, 100], got -1",
  );
  expect(() => createBatchSource({ ...cascade, previousSegmentations: [] })).toThrow(
    "previousSegmentations: expected one per case (1), got []",
  );
  const other = syntheticCase("a", [10, 20, 20]);
  expect(() => createBatchSource({ ...cascade, previousSegmentations: [other] })).toThrow(
    "previous segmentation of case a: expected shape [20,20,20], got [10,20,20]; resample it to the grid of this configuration first",
  );
});
