import { describe, expect, test } from "@jest/globals";
import { type Architecture, createRandom, elementCount } from "@nnunet/core";
import { buildNetwork, initialiseWeights } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";
import { diceCrossEntropy, ortEngine, sgd } from "../src/index.ts";
import { chooseLowering } from "../src/ort/choose-lowering.ts";
import type { ConvolutionLowering } from "../src/ort/convolution.ts";
import { blockedLowering, cudaLowering, standardLowering, webgpuLowering } from "../src/ort/standard-lowering.ts";
import { gradientModel } from "../src/ort/step-graph.ts";
import { packParameters, parameterLayout, statisticsLayout } from "../src/parameter-layout.ts";

interface Network {
  readonly patch: readonly number[];
  readonly strides: readonly (readonly number[])[];
  readonly features?: readonly number[];
  readonly kernel?: readonly number[];
  readonly channels?: number;
  readonly kind?: Architecture["kind"];
  readonly norm?: Architecture["norm"];
  readonly biases?: boolean;
}

const one = [1, 1, 1];
const two = [2, 2, 2];
const networks: Record<string, Network> = {
  "3D": { patch: [8, 12, 16], strides: [one, two, two] },
  "3D with biases everywhere": { patch: [8, 12, 8], strides: [one, two], features: [16, 32], biases: true },
  "3D of four channels": { patch: [8, 8, 8], strides: [one, two], features: [16, 16], channels: 4 },
  "3D with flat kernels and strides": {
    patch: [5, 12, 8],
    strides: [one, [1, 2, 2], [1, 2, 2]],
    kernel: [1, 3, 3],
  },
  "3D strided along some axes": { patch: [8, 6, 8], strides: [one, [2, 1, 2], [2, 2, 1]] },
  "3D down to one plane": { patch: [4, 8, 8], strides: [one, two, two] },
  "2D": {
    patch: [24, 16],
    strides: [
      [1, 1],
      [2, 2],
      [2, 1],
    ],
  },
  residual: { patch: [8, 12, 8], strides: [one, two, two], kind: "residual" },
  "with batch norms": { patch: [8, 12, 8], strides: [one, two], features: [16, 32], norm: "batch" },
  "with channels that fill no block in some stages": {
    patch: [8, 8, 8],
    strides: [one, two, two],
    features: [8, 16, 24],
  },
};

const { name } = await chooseLowering(ort, "cpu");
const block = name.startsWith("blocked") ? Number(name.split("-")[1]) : undefined;
if (block === undefined) console.warn("skipped: this machine's onnxruntime has no channel-blocked kernels");

describe.each([
  { operators: "features in the channel-blocked layout", lowering: block && blockedLowering(block, 1) },
  { operators: "the operators for CUDA", lowering: cudaLowering },
  { operators: "the operators for WebGPU", lowering: webgpuLowering },
])("$operators, on the CPU", ({ lowering }) => {
  test.each(lowering ? Object.entries(networks) : [])(
    "%s: loss and every gradient of the standard operators to 1e-4 of each tensor's largest",
    async (_, network) => {
      const standard = await standardGradients(network);
      const other = await gradientsOf(network, lowering as ConvolutionLowering);
      expect(Math.abs(other.loss - standard.loss)).toBeLessThan(1e-5);
      for (const [parameter, expected] of standard.gradients) {
        const wrong = difference(other.gradients.get(parameter)!, expected);
        if (!(wrong < 1e-4)) throw new Error(`${parameter} differs by ${wrong}`);
      }
    },
  );
});

test("a training in blocks that is interrupted ends in the same bytes as one that is not", async () => {
  const { graph, weights, options, batch } = layersOf({ patch: [8, 12, 8], strides: [one, two], features: [16, 32] });
  const train = async (interruptedAfter?: number) => {
    let session = await ortEngine.compile(graph, weights, options);
    for (let step = 0; step < 4; step++) {
      await session.step(batch, 0.01);
      if (step !== interruptedAfter) continue;
      const [trained, state] = [await session.weights(), await session.optimiserState()];
      await session.dispose();
      session = await ortEngine.compile(graph, weights, options);
      await session.setState(trained, state);
    }
    const end = await session.weights();
    await session.dispose();
    return [...end].map(([name, { data }]) => [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
  };
  const whole = await train();
  expect(await train()).toEqual(whole);
  expect(await train(1)).toEqual(whole);
});

const testInBlocks = block === undefined ? test.skip : test;

testInBlocks(
  "a training in blocks, strided along all axes, ends in the same bytes with any number of threads",
  async () => {
    const { graph, weights, options, batch } = layersOf({
      patch: [16, 20, 16],
      strides: [one, two],
      features: [16, 32],
    });
    const train = async (threads: number) => {
      const session = await ortEngine.compile(graph, weights, { ...options, threads });
      await session.step(batch, 0.01);
      const end = await session.weights();
      await session.dispose();
      return [...end].map(([name, { data }]) => [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
    };
    const alone = await train(1);
    for (const threads of [2, 3, 4]) expect(await train(threads)).toEqual(alone);
  },
);

/** A network with weights that matter, and a batch of two. */
function layersOf(network: Network) {
  const {
    patch,
    strides,
    features = [16, 32, 32],
    kernel,
    channels = 1,
    kind = "plain",
    norm,
    biases = false,
  } = network;
  const threes = patch.map(() => 3);
  const graph = buildNetwork(
    {
      kind,
      featuresPerStage: features,
      kernelSizes: strides.map((_, stage) => (stage === 0 ? (kernel ?? threes) : threes)),
      strides,
      convsPerStage: strides.map(() => 2),
      convsPerStageDecoder: strides.slice(1).map(() => 1),
      convBias: true,
      transposedConvBias: biases,
      headBias: biases,
      normEpsilon: 1e-5,
      leakyReluSlope: 0.01,
      ...(norm && { norm }),
    } as Architecture,
    { inputChannels: channels, outputChannels: 3, patchSize: patch },
  );
  const batchSize = 2;
  const weights = initialiseWeights(graph, createRandom(0, "weights"));
  const some = createRandom(3);
  for (const { data, shape } of weights.values()) {
    if (shape.length === 1) for (let i = 0; i < data.length; i++) data[i]! += some.normal(0, 0.2);
  }
  const options = {
    batchSize,
    loss: diceCrossEntropy({ batchDice: false }),
    outputWeights: graph.outputs.map((_, i) => 2 ** -i),
    optimiser: sgd(),
  };
  const random = createRandom(7);
  const batch = {
    data: Float32Array.from({ length: batchSize * channels * elementCount(patch) }, () => random.normal()),
    shape: [batchSize, channels, ...patch],
    targets: graph.outputs.map(({ spatial }) => {
      const shape = [batchSize, 1, ...spatial];
      return { data: Int32Array.from({ length: elementCount(shape) }, () => random.integer(0, 3)), shape };
    }),
    caseIds: [],
  };
  return { graph, weights, options, batch };
}

const known = new Map<Network, ReturnType<typeof gradientsOf>>();

function standardGradients(network: Network): ReturnType<typeof gradientsOf> {
  if (!known.has(network)) known.set(network, gradientsOf(network, standardLowering));
  return known.get(network)!;
}

async function gradientsOf(network: Network, lowering: ConvolutionLowering) {
  const { graph, weights, options, batch } = layersOf(network);
  const layout = parameterLayout(graph);
  const session = await ort.InferenceSession.create(gradientModel(graph, options, lowering), { logSeverityLevel: 3 });
  const feeds: Record<string, ort.Tensor> = {
    data: new ort.Tensor("float32", batch.data, batch.shape),
    weights: new ort.Tensor("float32", packParameters(layout, weights), [layout.total]),
  };
  for (const [i, { data, shape }] of batch.targets.entries()) {
    feeds[`target.${i}`] = new ort.Tensor("int32", data, shape);
  }
  const averages = statisticsLayout(graph).total;
  if (averages > 0) feeds["statistics"] = new ort.Tensor("float32", new Float32Array(averages), [averages]);
  const results = await session.run(feeds);
  await session.release();
  const flat = results["gradient"]!.data as Float32Array;
  const gradients = new Map(
    [...layout.offsets].map(([parameter, { offset, length }]) => [parameter, flat.slice(offset, offset + length)]),
  );
  return { loss: (results["loss"]!.data as Float32Array)[0]!, gradients };
}

function difference(a: Float32Array, b: Float32Array): number {
  let [worst, largest] = [0, 1e-6];
  for (let i = 0; i < a.length; i++) {
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return worst / largest;
}
