import { describe, expect, test } from "@jest/globals";
import { type Architecture, createRandom, elementCount } from "@nnunet/core";
import { loadModel, type LoadModelOptions, nodeSessions } from "@nnunet/inference";
import { buildNetwork, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";
import { tinyMetadata } from "../../unet-model/tests/tiny-plans.ts";
import { blockSize } from "../src/blocked/block-size.ts";

interface Shape {
  readonly features?: readonly number[];
  readonly patch: readonly number[];
  readonly strides: readonly (readonly number[])[];
  readonly kernel?: readonly number[];
  readonly kind?: Architecture["kind"];
  readonly norm?: Architecture["norm"];
  readonly folds?: readonly number[];
}

/** A model with two channels in, three classes out, biases everywhere; the first stage may have a kernel of its own. */
function exported({ features = [16, 32, 32], patch, strides, kernel, kind = "plain", norm, folds = [0] }: Shape) {
  const threes = patch.map(() => 3);
  const network: Architecture = {
    kind,
    featuresPerStage: features,
    kernelSizes: strides.map((_, stage) => (stage === 0 ? (kernel ?? threes) : threes)),
    strides,
    convsPerStage: strides.map(() => 2),
    convsPerStageDecoder: strides.slice(1).map(() => 1),
    convBias: true,
    transposedConvBias: true,
    headBias: true,
    normEpsilon: 1e-5,
    leakyReluSlope: 0.01,
    ...(norm && { norm }),
  };
  const metadata = tinyMetadata(network, [...patch], [...folds]);
  const graph = buildNetwork(network, { inputChannels: 2, outputChannels: 3, patchSize: patch });
  const weights = folds.map((fold) => {
    const random = createRandom(fold, "weights");
    const fresh = initialiseWeights(graph, random);
    // biases and scales that matter
    for (const [name, { data, shape }] of fresh) {
      const positive = /mean|variance|running/.test(name);
      if (shape.length === 1)
        for (let i = 0; i < data.length; i++) data[i]! += positive ? 0.1 * i : random.normal(0, 0.3);
    }
    return fresh;
  });
  return { bytes: writeOnnxModel(graph, weights, metadata), input: [1, 2, ...patch] };
}

async function logitsOf(bytes: Uint8Array, input: readonly number[], options: LoadModelOptions = {}) {
  const model = await loadModel(bytes, { threads: 1, ...options });
  const random = createRandom(5);
  // two fifths of it constant, as padding is
  const patch = Float32Array.from({ length: elementCount(input) }, (_, i) => (i % 5 < 2 ? -1.5 : random.normal()));
  const { data, shape } = await model.run(patch, input);
  await model.dispose();
  return { data, shape, kernels: model.kernels };
}

/** Largest difference, as a share of the largest logit. */
function difference(a: Float32Array, b: Float32Array): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(a[i]!));
  }
  return worst / largest;
}

const one = [1, 1, 1];
const two = [2, 2, 2];
const shapes: readonly (readonly [name: string, shape: Shape])[] = [
  ["3D", { patch: [8, 12, 16], strides: [one, two, two] }],
  ["3D of odd extents at the bottom", { patch: [12, 20, 4], strides: [one, two, two] }],
  ["3D with flat kernels and strides", { patch: [5, 12, 8], strides: [one, [1, 2, 2], [1, 2, 2]], kernel: [1, 3, 3] }],
  ["3D strided along some axes", { patch: [8, 6, 8], strides: [one, [2, 1, 2], [2, 2, 1]] }],
  ["3D down to two voxels", { patch: [2, 2, 4], strides: [one, two], features: [16, 48] }],
  ["3D down to one plane", { patch: [4, 8, 8], strides: [one, two, two] }],
  [
    "2D",
    {
      patch: [24, 16],
      strides: [
        [1, 1],
        [2, 2],
        [2, 1],
      ],
    },
  ],
  ["residual", { patch: [8, 12, 8], strides: [one, two, two], kind: "residual" }],
  ["with batch norms", { patch: [8, 12, 8], strides: [one, two, two], norm: "batch" }],
  ["with channels that fill no block", { patch: [8, 8, 8], strides: [one, two, two], features: [8, 16, 24] }],
  ["of two folds", { patch: [4, 8, 8], strides: [one, two, [1, 2, 2]], folds: [0, 1] }],
];

describe("a network rewritten for blocked kernels", () => {
  test.each(shapes)("%s: the logits of the standard kernels to 1e-5 of the largest", async (_, shape) => {
    const { bytes, input } = exported(shape);
    const standard = await logitsOf(bytes, input, { kernels: "standard" });
    const fastest = await logitsOf(bytes, input);
    expect(standard.kernels).toBe("standard (as asked for)");
    expect(fastest.shape).toEqual(standard.shape);
    expect(difference(standard.data, fastest.data)).toBeLessThan(1e-5);
    const block = await blockSize(nodeSessions);
    if (block === undefined) console.log("this CPU has no blocked kernels: nothing was rewritten");
    else expect(fastest.kernels).toBe(`in blocks of ${block} channels`);
  });

  test("several samples one after the other, bit by bit as each alone", async () => {
    const { bytes, input } = exported(shapes[0]![1]);
    const model = await loadModel(bytes);
    const random = createRandom(6);
    const length = elementCount(input);
    const patches = Float32Array.from({ length: 3 * length }, () => random.normal());
    const together = await model.run(patches, [3, ...input.slice(1)]);
    const alone: number[] = [];
    for (let i = 0; i < 3; i++)
      alone.push(...(await model.run(patches.subarray(i * length, (i + 1) * length), input)).data);
    expect(together.shape).toEqual([3, 3, ...input.slice(2)]);
    expect(Array.from(together.data)).toEqual(alone);
    await model.dispose();
  });
});

test("an image far from zero, as it is without normalisation, costs no more digits than in the standard kernels", async () => {
  const { bytes, input } = exported(shapes[0]![1]);
  const random = createRandom(7);
  const noise = Float32Array.from({ length: elementCount(input) }, () => 1000 + random.normal(0, 10));
  const [standard, fastest] = await Promise.all(
    (["standard", "fastest"] as const).map(async (kernels) => {
      const model = await loadModel(bytes, { kernels, threads: 1 });
      const { data } = await model.run(noise, input);
      await model.dispose();
      return data;
    }),
  );
  // float32 convolutions of 1000 ± 10 leave about 1e-5 by themselves; a mean square less a squared mean would leave 1e-3
  expect(difference(standard!, fastest!)).toBeLessThan(1e-4);
});

test("a Buffer, of which Node lends a part of a larger one, gives the same", async () => {
  const { bytes, input } = exported({ patch: [4, 8, 8], strides: [one, two], features: [16, 32] });
  const whole = Buffer.alloc(bytes.length + 3);
  whole.set(bytes, 3);
  const [own, lent] = [await logitsOf(bytes, input), await logitsOf(whole.subarray(3), input)];
  expect(lent.kernels).toBe(own.kernels);
  expect(lent.data).toEqual(own.data);
});

test("a network that stays as it is says why", async () => {
  const small = exported({
    patch: [8, 8],
    strides: [
      [1, 1],
      [2, 2],
    ],
    features: [4, 6],
  });
  const few = await logitsOf(small.bytes, small.input);
  expect(few.kernels).toMatch(/^standard \((its channels fill no blocks of (8|16)|this CPU or this build .*)\)$/);
  const { bytes, input } = exported(shapes[0]![1]);
  const own = await logitsOf(bytes, input, { createSession: (...args) => nodeSessions(...args) });
  expect(own.kernels).toBe("standard (those of the runtime handed in)");
});
