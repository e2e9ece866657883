import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { type Architecture, axisAlignedGeometry, createRandom, createVolume, elementCount } from "@nnunet/core";
import { loadModel, type Model, nodeSessions, predictImage, predictionSize } from "@nnunet/inference";
import { buildNetwork, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";
import { runByParts } from "../src/head/run-by-parts.ts";
import { splitHead, writeHead, writeTrunk } from "../src/head/split-head.ts";
import { tinyMetadata } from "./tiny-model.ts";

// Other test files may use the cores at the same time.
jest.setTimeout(120_000);

/** A U-Net of some classes; a bias and weights that matter in its head. */
function exported(patchSize: readonly number[], classes: number, features: readonly number[] = [4, 8], folds = 1) {
  const each = (n: number) => patchSize.map(() => n);
  const architecture: Architecture = {
    kind: "plain",
    featuresPerStage: features,
    kernelSizes: features.map(() => each(3)),
    strides: features.map((_, stage) => each(stage === 0 ? 1 : 2)),
    convsPerStage: features.map(() => 1),
    convsPerStageDecoder: features.slice(1).map(() => 1),
    convBias: true,
    transposedConvBias: false,
    headBias: true,
    normEpsilon: 1e-5,
    leakyReluSlope: 0.01,
  };
  const labels = Object.fromEntries(Array.from({ length: classes }, (_, i) => [i === 0 ? "background" : `c${i}`, i]));
  const metadata = tinyMetadata(patchSize, { labels, configuration: { architecture } });
  const network = buildNetwork(architecture, { inputChannels: 1, outputChannels: classes, patchSize });
  const random = createRandom(classes, "weights");
  const weights = initialiseWeights(network, random);
  for (const { data, shape } of weights.values()) {
    if (shape.length === 1) for (let i = 0; i < data.length; i++) data[i]! += random.normal(0, 0.3);
  }
  const allFolds = { ...metadata, folds: Array.from({ length: folds }, (_, fold) => fold) };
  return { network, weights, bytes: writeOnnxModel(network, Array(folds).fill(weights), allFolds) };
}

function noise(shape: readonly number[]): Float32Array {
  const random = createRandom(3, "noise");
  return Float32Array.from({ length: elementCount(shape) }, () => random.normal());
}

describe.each([
  ["3D", [10, 12, 8]],
  ["2D", [20, 16]],
])("%s, more classes than features", (_, patchSize) => {
  test("every bit of the answer is that of the network as a whole, with parts of any size", async () => {
    const { network, weights, bytes } = exported(patchSize, 9);
    const input = [2, 1, ...patchSize];
    const batch = noise(input);
    const asItIs = await loadModel(bytes, { threads: 1, kernels: "standard" });
    const expected = await asItIs.run(batch, input);
    await asItIs.dispose();
    const split = splitHead(network)!;
    const [trunk, head] = await Promise.all(
      [writeTrunk(split, weights), writeHead(split, weights)].map((model) =>
        nodeSessions(model, { device: "cpu", threads: 1 }),
      ),
    );
    for (const planes of [1, 3, 4, 20]) {
      const run = runByParts(trunk!.run, head!.run, 9, ([all]) => Math.min(planes, all!));
      const firsts: number[] = [];
      const got = await run(batch, input, ({ first }) => firsts.push(first));
      expect(got).toEqual({ data: new Float32Array(0), shape: expected.shape });
      expect(firsts).toHaveLength(2 * Math.ceil(patchSize[0]! / planes));
      expect(await run(batch, input)).toEqual(expected);
    }
    await Promise.all([trunk!.release(), head!.release()]);
  });

  test("a segmentation and its probabilities are bit by bit those of whole answers, mirrored, in memory and on disk", async () => {
    const { network, weights, bytes } = exported(patchSize, 9);
    const folder = await mkdtemp(join(tmpdir(), "nnunet-parts-"));
    const opened = await loadModel(bytes, { threads: 1 });
    const split = splitHead(network)!;
    const [trunk, head] = await Promise.all(
      [writeTrunk(split, weights), writeHead(split, weights)].map((model) =>
        nodeSessions(model, { device: "cpu", threads: 1 }),
      ),
    );
    const parts = runByParts(trunk!.run, head!.run, 9, () => 3);
    let inParts = 0;
    const model: Model = {
      ...opened,
      run: (batch, shape, onPart) => {
        const counted: typeof onPart = (part) => {
          inParts++;
          onPart!(part);
        };
        return parts(batch, shape, onPart && counted);
      },
    };
    const whole: Model = { ...opened, answersInParts: false, run: (batch, shape) => parts(batch, shape) };
    const image = createVolume(noise([13, 17, 11]), [1, 13, 17, 11], axisAlignedGeometry([1, 1, 1]));
    const loaded = { id: "c", image };
    const how = { probabilities: true, scratch: join(folder, "c"), patchesPerRun: 2 };
    const expected = await predictImage([whole], loaded, how);
    expect(inParts).toBe(0);
    expect(await predictImage([model], loaded, how)).toEqual(expected);
    const { memory } = predictionSize(
      [model],
      { shape: image.shape, spacing: [1, 1, 1] },
      { ...how, maxMemoryGb: 1e-9 },
    );
    expect(await predictImage([model], loaded, { ...how, maxMemoryGb: (memory + 0.5) / 1e9 })).toEqual(expected);
    expect(inParts).toBeGreaterThan(50);
    await Promise.all([opened.dispose(), trunk!.release(), head!.release(), rm(folder, { recursive: true })]);
  });
});

test("the head is computed by itself where there are more classes than features, of one fold", async () => {
  const open = async (classes: number, features?: readonly number[], folds?: number) => {
    const model = await loadModel(exported([8, 8, 8], classes, features, folds).bytes, { threads: 1 });
    await model.dispose();
    return model.answersInParts;
  };
  expect(await open(4)).toBe(false);
  expect(await open(5)).toBe(true);
  expect(await open(20, [16, 16])).toBe(true); // in blocks, where there are any
  expect(await open(16, [16, 16])).toBe(false);
  expect(await open(9, [4, 8], 2)).toBe(false);
});

test("in blocked kernels too: the logits of the standard ones to 1e-5 of the largest", async () => {
  const { bytes } = exported([8, 12, 16], 21, [16, 32]);
  const batch = noise([8, 12, 16]);
  const [standard, fastest] = await Promise.all(
    (["standard", "fastest"] as const).map(async (kernels) => {
      const model = await loadModel(bytes, { kernels, threads: 1 });
      const { data, shape } = await model.run(batch, [1, 1, 8, 12, 16]);
      await model.dispose();
      expect(shape).toEqual([1, 21, 8, 12, 16]);
      return data;
    }),
  );
  const largest = standard!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = standard!.reduce((most, value, i) => Math.max(most, Math.abs(value - fastest![i]!)), 0);
  expect(worst / largest).toBeLessThan(1e-5);
});

test("an answer of many classes never lies in memory as a whole", async () => {
  const [classes, patchSize] = [60, [32, 64, 64]];
  const answer = 4 * classes * elementCount(patchSize); // 31 MB
  const model = await loadModel(exported(patchSize, classes).bytes, { threads: 1 });
  const held = () => process.memoryUsage().arrayBuffers;
  let [most, parts] = [0, 0];
  const before = held();
  const batch = noise(patchSize);
  await model.run(batch, [1, 1, ...patchSize], () => {
    most = Math.max(most, held() - before);
    parts++;
  });
  expect(parts).toBe(2);
  expect(most).toBeLessThan(0.8 * answer);
  await model.dispose();
});

test("a model that hands out parts and not all of them is an error, not a hole in the segmentation", async () => {
  const opened = await loadModel(exported([8, 8, 8], 5).bytes, { threads: 1 });
  const model: Model = {
    ...opened,
    run: async (batch, shape, onPart) => {
      let given = 0;
      const half = ({ data, ...part }: Parameters<NonNullable<typeof onPart>>[0]) => {
        if (given++ === 0) onPart!({ ...part, planes: 1, data: data.subarray(0, 5 * 64) });
      };
      return opened.run(batch, shape, half);
    },
  };
  const image = createVolume(noise([8, 8, 8]), [1, 8, 8, 8], axisAlignedGeometry([1, 1, 1]));
  await expect(predictImage([model], { id: "c", image }, {})).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  await opened.dispose();
});

test("a model that hands out parts and the whole beside them is an error, not an answer that counts twice", async () => {
  const opened = await loadModel(exported([8, 8, 8], 5).bytes, { threads: 1 });
  const model: Model = {
    ...opened,
    run: async (batch, shape, onPart) => {
      if (onPart) await opened.run(batch, shape, onPart);
      return opened.run(batch, shape);
    },
  };
  const image = createVolume(noise([8, 8, 8]), [1, 8, 8, 8], axisAlignedGeometry([1, 1, 1]));
  await expect(predictImage([model], { id: "c", image }, {})).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  await opened.dispose();
});
