import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { axisAlignedGeometry, createRandom, createVolume, labelSet, type Volume, type VolumeShape } from "@nnunet/core";
import {
  ensembleProbabilities,
  meanChannels,
  segmentationFromMean,
  segmentationFromProbabilities,
} from "@nnunet/inference";
import { openProbabilities, writeProbabilities } from "@nnunet/preprocess";
import { readSafetensors } from "@nnunet/unet-model";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ensemble-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const geometry = axisAlignedGeometry([2, 1, 1]);
const dataset = { channelNames: ["CT"], numTraining: 1, fileEnding: ".nii.gz" };
const three = labelSet({ ...dataset, labels: { background: 0, a: 1, b: 2 } });
const regions = labelSet({
  ...dataset,
  labels: { background: 0, whole: [1, 2, 3], core: [2, 3], active: 3 },
  regionsClassOrder: [1, 2, 3],
});

/** The way over the disk, one channel and block at a time. */
async function stored(volumes: readonly Volume<Float32Array>[]) {
  return Promise.all(
    volumes.map(async ({ data, shape, geometry }, i) => {
      const voxels = data.length / shape[0];
      await writeProbabilities(folder, `m${i}`, { shape, geometry, contentHash: "" }, async (write) => {
        for (let c = 0; c < shape[0]; c++) await write(data.subarray(c * voxels, (c + 1) * voxels));
      });
      return openProbabilities(folder, `m${i}`);
    }),
  );
}

function softmax(logits: Float32Array, channels: number): Float32Array {
  const voxels = logits.length / channels;
  const out = new Float32Array(logits.length);
  for (let i = 0; i < voxels; i++) {
    const exps = Array.from({ length: channels }, (_, c) => Math.exp(logits[c * voxels + i]!));
    const sum = exps.reduce((a, b) => a + b);
    for (let c = 0; c < channels; c++) out[c * voxels + i] = exps[c]! / sum;
  }
  return out;
}

/** As if all were in memory as float32. */
const inMemory = (volumes: readonly Volume<Float32Array>[], labels: typeof three) =>
  segmentationFromProbabilities(ensembleProbabilities(volumes), labels);

const golden = (name: string) =>
  readSafetensors(
    readFileSync(fileURLToPath(new URL(`../../../test-data/golden/network-${name}.safetensors`, import.meta.url))),
    name,
  ).tensors.get("out/0")!;

describe("the decision by the mean of stored probabilities is that of float32", () => {
  test("on the golden networks, alone and together, as classes and as regions", async () => {
    const [plain, residual] = [golden("plain-3d"), golden("residual-3d")];
    expect(plain.shape).toEqual([2, 3, 8, 16, 16]);
    const shape: VolumeShape = [3, 8, 16, 16];
    const half = plain.data.length / 2;
    const seen = new Set<number>();
    for (const sample of [0, 1]) {
      const logits = [plain, residual].map(({ data }) =>
        (data as Float32Array).subarray(sample * half, (sample + 1) * half),
      );
      const classes = logits.map((values) => createVolume(softmax(values, 3), shape, geometry));
      const sigmoid = logits.map((values) =>
        createVolume(
          values.map((v) => 1 / (1 + Math.exp(-v))),
          shape,
          geometry,
        ),
      );
      for (const volumes of [classes, classes.slice(0, 1), classes.slice(1)]) {
        const { data } = await segmentationFromMean(await stored(volumes), three);
        expect(data).toEqual(inMemory(volumes, three).data);
        for (const label of data) seen.add(label);
      }
      const { data } = await segmentationFromMean(await stored(sigmoid), regions);
      expect(data).toEqual(inMemory(sigmoid, regions).data);
    }
    expect([...seen].sort()).toEqual([0, 1, 2]);
  });

  test("where two classes are nearly equal: contested voxels down to the last digit of float32", async () => {
    const random = createRandom(11, "ties");
    const voxels = 70 * 20 * 20;
    const shape: VolumeShape = [3, 70, 20, 20];
    const [first, second] = [new Float32Array(3 * voxels), new Float32Array(3 * voxels)];
    for (let i = 0; i < voxels; i++) {
      const [a, b] = [random.integer(0, 3), random.integer(0, 3)];
      const p = Math.fround(0.34 + 0.3 * random.uniform());
      first[a * voxels + i] = p;
      first[((a + 1) % 3) * voxels + i] = p + random.integer(-3, 4) * 2 ** -25;
      second[b * voxels + i] = p + random.integer(-3, 4) * 2 ** -25;
      second[((b + 1) % 3) * voxels + i] = p;
    }
    const volumes = [first, second].map((data) => createVolume(data, shape, geometry));
    const expected = inMemory(volumes, three);
    expect((await segmentationFromMean(await stored(volumes), three)).data).toEqual(expected.data);
    const regional = inMemory(volumes, regions);
    expect((await segmentationFromMean(await stored(volumes), regions)).data).toEqual(regional.data);
  });

  test("where two networks are sure of different classes: apart by two steps of float32 below 1", async () => {
    const random = createRandom(12, "sure");
    const shape: VolumeShape = [3, 66, 10, 20];
    const voxels = 66 * 10 * 20;
    const step = 2 ** -24;
    const [first, second] = [new Float32Array(3 * voxels), new Float32Array(3 * voxels)];
    let differ = 0;
    for (let i = 0; i < voxels; i++) {
      const doubt = 2 ** -(12 + 10 * random.uniform());
      const ahead = (random.integer(0, 2) === 0 ? 1 : -1) * random.integer(2, 9) * step;
      // class 1 by the first, class 2 by the second; what is left goes to the other one
      first[voxels + i] = 1 - doubt;
      first[2 * voxels + i] = doubt;
      second[2 * voxels + i] = 1 - (doubt + ahead);
      second[voxels + i] = Math.max(0, doubt + ahead);
      if (ahead < 0) differ++;
    }
    const volumes = [first, second].map((data) => createVolume(data, shape, geometry));
    expect(differ).toBeGreaterThan(1000);
    expect((await segmentationFromMean(await stored(volumes), three)).data).toEqual(inMemory(volumes, three).data);
  });
});

test("the mean itself comes channel by channel", async () => {
  const random = createRandom(1, "mean");
  const shape: VolumeShape = [2, 3, 70, 5];
  const volumes = [0, 1, 2].map(() =>
    createVolume(
      Float32Array.from({ length: 2100 }, () => 0.01 + 0.9 * random.uniform()),
      shape,
      geometry,
    ),
  );
  const channels: number[] = [];
  for await (const channel of meanChannels(await stored(volumes))) channels.push(...channel);
  expect(channels).toEqual([...ensembleProbabilities(volumes).data]);
});

test("volumes of different sizes, other channels, none, and an abort are refused", async () => {
  const one = createVolume(new Float32Array(24).fill(0.5), [2, 2, 2, 3], geometry);
  const other = createVolume(new Float32Array(24).fill(0.5), [2, 2, 3, 2], geometry);
  const two = labelSet({ ...dataset, labels: { background: 0, a: 1 } });
  await expect(segmentationFromMean(await stored([one, other]), two)).rejects.toThrow(
    "probabilities: expected shape [2,2,2,3], got [2,2,3,2]; predict the same image with every configuration",
  );
  await expect(segmentationFromMean(await stored([one]), three)).rejects.toThrow("one channel per class or region");
  await expect(segmentationFromMean([], three)).rejects.toThrow("volumes: expected at least one volume");
  const signal = AbortSignal.abort();
  await expect(segmentationFromMean(await stored([one]), two, { signal })).rejects.toThrow("ensembling: cancelled");
});
