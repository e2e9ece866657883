import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import {
  augmentationParameters,
  batchSourceConformance,
  type BatchSourceOptions,
  choosePatchStart,
  createBatchSource,
} from "@nnunet/augment";
import { createRandom, labelSet, type TrainingBatch } from "@nnunet/core";
import { syntheticCase } from "./synthetic-case.ts";

const cases = [syntheticCase("a", [30, 40, 36]), syntheticCase("b", [20, 50, 30]), syntheticCase("c", [44, 22, 60])];
const labels = labelSet({
  channelNames: ["MRI"],
  labels: { background: 0, a: 1, b: 2 },
  numTraining: 3,
  fileEnding: "",
});
const configuration = {
  patchSize: [24, 32, 28],
  batchSize: 3,
  dummy2dAugmentation: false,
  useMaskForNorm: [false],
  augmentation: "paper",
} as const;
const scales = [
  [1, 1, 1],
  [0.5, 0.5, 0.5],
];
const options = { cases, configuration, labels, seed: 5, mode: "training", outputScales: scales } as const;
const create = (changes: Partial<BatchSourceOptions> = {}) => createBatchSource({ ...options, ...changes });
const digest = (batch: TrainingBatch) => {
  const hash = createHash("sha1").update(batch.caseIds.join());
  for (const { data } of [batch, ...batch.targets]) {
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
};

test("shapes, with the z axis in 3D and without it in 2D", async () => {
  const { data, shape, targets, caseIds } = await create().batch(0, 0);
  expect(shape).toEqual([3, 1, 24, 32, 28]);
  expect(data.length).toBe(3 * 24 * 32 * 28);
  expect(targets.map((t) => t.shape)).toEqual([
    [3, 1, 24, 32, 28],
    [3, 1, 12, 16, 14],
  ]);
  expect(targets.map((t) => t.data.length)).toEqual([3 * 24 * 32 * 28, 3 * 12 * 16 * 14]);
  expect(caseIds.every((id) => ["a", "b", "c"].includes(id))).toBe(true);

  const planar = create({
    configuration: { ...configuration, patchSize: [32, 28] },
    outputScales: [
      [1, 1],
      [0.5, 1],
    ],
  });
  const batch = await planar.batch(0, 0);
  expect(batch.shape).toEqual([3, 1, 32, 28]);
  expect(batch.targets.map((t) => t.shape)).toEqual([
    [3, 1, 32, 28],
    [3, 1, 16, 28],
  ]);
});

test("a batch depends on (seed, epoch, iteration) alone, not on the order or overlap of requests", async () => {
  const keys = [0, 1, 2, 3, 4, 5].map((i) => [i % 2, i] as const);
  const forward = create();
  const first: TrainingBatch[] = [];
  for (const key of keys) first.push(await forward.batch(...key));
  const backward = create();
  const second = (await Promise.all([...keys].reverse().map((key) => backward.batch(...key)))).reverse();
  expect(second.map(digest)).toEqual(first.map(digest));
  expect(digest(await create({ seed: 6 }).batch(0, 0))).not.toEqual(digest(first[0]!));
  expect(digest(first[1]!)).not.toEqual(digest(first[3]!));
});

test.each(["paper", "v2", "none"] as const)("conforms with the set %s, in 3D, with dummy 2D and in 2D", async (set) => {
  const augmentation = augmentationParameters[set];
  for (const [patchSize, dummy2dAugmentation] of [
    [[10, 12, 14], false],
    [[6, 20, 20], true],
    [[20, 18], false],
  ] as const) {
    const changes = { augmentation, configuration: { ...configuration, patchSize, dummy2dAugmentation } };
    const outputScales = [patchSize.map(() => 1), patchSize.map(() => 0.5)];
    expect(await batchSourceConformance(() => create({ ...changes, outputScales }), labels)).toEqual([]);
  }
});

test("the conformance check sees a source that counts its requests and reuses its arrays", async () => {
  const data = new Float32Array(8);
  const careless = () => {
    let count = 0;
    return {
      async batch() {
        data.fill(++count);
        return { data, shape: [1, 1, 2, 2, 2], targets: [{ data: Int32Array.of(7), shape: [1, 1] }], caseIds: ["a"] };
      },
      async close() {},
    };
  };
  const problems = await batchSourceConformance(careless, labels);
  expect(problems).toContain("batches share their arrays");
  expect(problems).toContain("two epochs give the same batch");
  expect(problems).toContain("batch(0,0).targets[0] holds 7, which is no declared label");
});

test("every batch has its own arrays, which can be transferred to another thread", async () => {
  const source = create();
  const batch = await source.batch(0, 0);
  const moved = structuredClone(batch, { transfer: [batch.data.buffer as ArrayBuffer] });
  expect(batch.data.length).toBe(0);
  expect(digest(moved)).toEqual(digest(await source.batch(0, 0)));
});

test("targets hold declared labels only", async () => {
  const source = create();
  for (let i = 0; i < 3; i++) {
    const { targets } = await source.batch(0, i);
    for (const { data } of targets) expect(data.find((label) => !labels.allowed.includes(label))).toBeUndefined();
  }
});

test("without augmentation a patch is the case's own voxels", async () => {
  const source = create({ augmentation: augmentationParameters.none, cases: [cases[0]!] });
  const { data, targets } = await source.batch(0, 0);
  const whole = await cases[0]!.readPatch([0, 0, 0], [30, 40, 36]);
  const known = new Map<number, number>();
  for (let i = 0; i < whole.seg.length; i++) if (whole.data[i] !== 0) known.set(whole.data[i]!, whole.seg[i]!);
  let found = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0) continue; // outside the image
    if (targets[0]!.data[i] !== Math.max(0, known.get(data[i]!)!)) throw new Error(`voxel ${i}`);
    found++;
  }
  expect(found).toBeGreaterThan(10_000);
});

test("the last third of a batch contains foreground, the class drawn uniformly among those present", async () => {
  // Label 2 is a single voxel, label 1 a block: by voxels it would almost never be drawn.
  const rare = syntheticCase("rare", [40, 40, 40], { labels: [1] });
  const voxel = (10 * 40 + 12) * 40 + 14;
  const withRare = {
    ...rare,
    classLocations: { ...rare.classLocations, "2": Int32Array.of(voxel), "3": new Int32Array(0) },
  };
  const source = create({
    cases: [
      {
        ...withRare,
        async readPatch(start, size) {
          const read = await rare.readPatch(start, size);
          const at = [10 - start[0], 12 - start[1], 14 - start[2]] as const;
          const inside = at.every((p, axis) => p >= 0 && p < size[axis]!);
          if (inside) read.seg[(at[0] * size[1] + at[1]) * size[2] + at[2]] = 2;
          return read;
        },
      },
    ],
    mode: "validation",
    configuration: { ...configuration, patchSize: [9, 9, 9] },
    outputScales: [[1, 1, 1]],
  });
  let centredOnRare = 0;
  let centredOnForeground = 0;
  const n = 200;
  const centre = (4 * 9 + 4) * 9 + 4;
  for (let i = 0; i < n; i++) {
    const { targets } = await source.batch(0, i);
    const label = targets[0]!.data[2 * 729 + centre];
    if (label === 2) centredOnRare++;
    if (label !== 0) centredOnForeground++;
  }
  expect(centredOnForeground).toBe(n);
  // Binomial(200, 1/2): standard deviation 7; four of them.
  expect(Math.abs(centredOnRare - n / 2)).toBeLessThan(28);
});

test.each([
  ["paper", 1 / 2],
  ["v2", 1 / 10],
] as const)("2D foreground under %s: the slice with 1 of 10 voxels is drawn %d of the time", (name, share) => {
  const inSlice = (z: number, n: number) => Array.from({ length: n }, (_, i) => z * 400 + 205 + i);
  const classLocations = { "1": Int32Array.from([...inSlice(3, 1), ...inSlice(8, 9)]) };
  const random = createRandom(4);
  const even = augmentationParameters[name].foregroundSlice === "slice";
  const n = 2000;
  let few = 0;
  for (let i = 0; i < n; i++) {
    const [z] = choosePatchStart({ size: [12, 20, 20], classLocations }, [1, 9, 9], [1, 8, 8], true, random, even);
    expect([3, 8]).toContain(z);
    if (z === 3) few++;
  }
  // four binomial standard deviations
  expect(Math.abs(few - n * share)).toBeLessThan(4 * Math.sqrt(n * share * (1 - share)));
});

test("regions become channels, the ignore label keeps its id", async () => {
  const regions = labelSet({
    channelNames: ["MRI"],
    labels: { background: 0, whole: [1, 2], core: 2, ignore: 3 },
    regionsClassOrder: [1, 2],
    numTraining: 1,
    fileEnding: "",
  });
  const source = create({
    labels: regions,
    cases: [syntheticCase("r", [30, 40, 36], { labels: [1, 2, 3] })],
    mode: "validation",
  });
  const plain = create({ cases: [syntheticCase("r", [30, 40, 36], { labels: [1, 2, 3] })], mode: "validation" });
  const { targets } = await source.batch(0, 0);
  const ids = (await plain.batch(0, 0)).targets[0]!.data;
  expect(targets[0]!.shape).toEqual([3, 2, 24, 32, 28]);
  const voxels = 24 * 32 * 28;
  for (let sample = 0; sample < 3; sample++) {
    for (let i = 0; i < voxels; i++) {
      const id = ids[sample * voxels + i]!;
      const expected = id === 3 ? [3, 3] : [id === 0 ? 0 : 1, id === 2 ? 1 : 0];
      if (targets[0]!.data[sample * 2 * voxels + i] !== expected[0]) throw new Error(`region 0, label ${id}`);
      if (targets[0]!.data[(sample * 2 + 1) * voxels + i] !== expected[1]) throw new Error(`region 1, label ${id}`);
    }
  }
});

test("with an ignore label, every sample is centred on an annotated voxel", async () => {
  const sparse = syntheticCase("sparse", [40, 40, 40], { labels: [1] });
  const voxel = (20 * 40 + 20) * 40 + 20;
  const one = { ...sparse, classLocations: { "1": new Int32Array(0), "-1,0,1": Int32Array.of(voxel) } };
  const source = create({
    cases: [one],
    configuration: { ...configuration, patchSize: [8, 8, 8] },
    mode: "validation",
  });
  const { data } = await source.batch(0, 0);
  const { data: expected } = await sparse.readPatch([16, 16, 16], [8, 8, 8]);
  for (let sample = 0; sample < 3; sample++) expect(data.subarray(sample * 512, (sample + 1) * 512)).toEqual(expected);
});

test("channels with a mask are 0 outside the body, whatever was added", async () => {
  const noise = { ...augmentationParameters.paper.noise, probability: 1, low: 0.1 };
  const brighter = { ...augmentationParameters.none, noise };
  const outside = async (useMaskForNorm: boolean[]) => {
    const source = create({
      configuration: { ...configuration, useMaskForNorm },
      cases: [syntheticCase("m", [10, 10, 10], { channels: 2, rim: 3 })],
      augmentation: brighter,
    });
    const { data } = await source.batch(0, 0);
    const voxels = 24 * 32 * 28;
    return [0, 1].map((c) => data.subarray(c * voxels, (c + 1) * voxels).filter((v) => v === 0).length / voxels);
  };
  // 4³ voxels of the 10³ are inside the body, the patch is 21504 voxels
  expect(await outside([false, true])).toEqual([0, expect.closeTo(1 - 64 / 21504, 10)]);
});

test("a batch source without cases, of an unknown augmentation set, or with a setting outside its domain is refused", () => {
  expect(() => create({ cases: [] })).toThrow("cases: expected at least one preprocessed case, got []");
  expect(() => create({ configuration: { ...configuration, augmentation: "v3" as "v2" } })).toThrow(
    'unknown augmentation set "v3"; registered: paper, v2, none',
  );
  expect(() => create({ batchSize: 0 })).toThrow("batchSize: expected a positive integer, got 0");
  expect(() => create({ mirrorAxes: [3] })).toThrow("mirrorAxes: expected axes of the patch, 0 to 2, got [3]");
  expect(() => create({ foregroundOversampling: Number.NaN })).toThrow(
    "foregroundOversampling: expected a fraction in [0, 1], got NaN",
  );
  expect(() => create({ outputScales: [[1, 1]] })).toThrow(
    "outputScales: expected lists of 3 fractions in (0, 1], one list per output, got [[1, 1]]",
  );
});

test("two cases with different channels are refused", async () => {
  const odd = syntheticCase("odd", [30, 40, 36], { channels: 2 });
  const source = create({ cases: [cases[0]!, odd], batchSize: 16 });
  await expect(source.batch(0, 0)).rejects.toThrow("case odd: expected shape [1,30,40,36], got [2,30,40,36]");
});
