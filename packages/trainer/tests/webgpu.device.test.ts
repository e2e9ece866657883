import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Architecture, createRandom, elementCount, isNnunetError, type TrainingBatch } from "@nnunet/core";
import {
  type Device,
  deepSupervisionWeights,
  diceCrossEntropy,
  ortEngine,
  sgd,
  type TrainingSession,
} from "@nnunet/trainer";
import { buildNetwork, initialiseWeights, type NetworkGraph, type Weights } from "@nnunet/unet-model";
import { InferenceSession, type Tensor } from "onnxruntime-node";

/*
 * Needs a WebGPU adapter: a GPU, or a software one such as SwiftShader (VK_ICD_FILENAMES names its json file).
 * Run by hand: npm run test:device
 */
let missing: string | undefined;
beforeAll(async () => {
  const session = await compile("webgpu", networkOf(2)).catch((error: unknown) => {
    if (!isNnunetError(error, "UNSUPPORTED")) throw error;
    missing = error.message;
  });
  await session?.dispose();
  if (missing !== undefined) console.warn(`skipped: ${missing}`);
}, 600_000);

/** A test that ends at once where there is no adapter. */
function deviceTest(name: string, body: () => Promise<void>): void {
  test(name, async () => (missing === undefined ? body() : undefined), 900_000);
}

describe.each([2, 3])("five steps on WebGPU in %d dimensions", (dimensions) => {
  deviceTest("give the losses of the CPU", async () => {
    const graph = networkOf(dimensions);
    const [cpu, gpu] = [await trained("cpu", graph, 5), await trained("webgpu", graph, 5)];
    // half of 1e-4: both compute in float32 and sum in different orders, five steps in a row
    expect(gpu.losses).toEqual(cpu.losses.map((loss) => expect.closeTo(loss, 4)));
  });
});

describe("on WebGPU", () => {
  const graph = networkOf(2);

  deviceTest("a hundred steps give the losses, the weights and the evaluation of the CPU", async () => {
    const [cpu, gpu] = [await trained("cpu", graph, 100), await trained("webgpu", graph, 100)];
    // what five steps differ by (below 1e-6), grown with the number of steps
    expect(gpu.losses).toEqual(cpu.losses.map((loss) => expect.closeTo(loss, 3)));
    expect(largestDifference(gpu.weights, cpu.weights)).toBeLessThan(1e-3);
    expect(gpu.evaluation.loss).toBeCloseTo(cpu.evaluation.loss, 3);
    expect(cpu.losses.at(-1)).toBeLessThan(cpu.losses[0]! - 0.3);
  });

  deviceTest("a step moves its batch and its learning rate alone, in, and a loss and a norm out", async () => {
    const travels = await withTravels(async (log) => {
      const session = await compile("webgpu", graph);
      expect(session.caution).toBeUndefined();
      log.length = 0;
      for (let step = 0; step < 3; step++) await session.step(batchOf(graph, step), 0.01);
      await session.evaluate(batchOf(graph, 3));
      await session.dispose();
      return log;
    });
    const { data, targets } = batchOf(graph, 0);
    const batch = 4 * (data.length + targets[0]!.data.length + targets[1]!.data.length);
    const parameters = [...initialiseWeights(graph, createRandom(0)).values()];
    const vectors = 2 * 4 * parameters.reduce((sum, { data: values }) => sum + values.length, 0);
    const [first, second, third, evaluation] = travels;
    expect(first).toEqual({ in: batch + 4 + vectors, out: 8 });
    expect([second, third]).toEqual([
      { in: batch + 4, out: 8 },
      { in: batch + 4, out: 8 },
    ]);
    expect(evaluation!.in).toBe(batch);
  });

  deviceTest("a state goes out, into another device's training, and back in", async () => {
    const whole = await trained("cpu", graph, 9);
    let state: Awaited<ReturnType<typeof stateOf>> | undefined;
    for (const [device, from] of [
      ["webgpu", 0],
      ["cpu", 3],
      ["webgpu", 6],
    ] as const) {
      const session = await compile(device, graph);
      if (state) await session.setState(state.weights, state.optimiser);
      for (let step = from; step < from + 3; step++) await session.step(batchOf(graph, step), 0.01);
      state = await stateOf(session);
      await session.dispose();
    }
    expect(state!.optimiser.steps).toBe(9);
    expect(largestDifference(state!.weights, whole.weights)).toBeLessThan(1e-5);
  });

  deviceTest("what was read is a copy: later steps do not change it", async () => {
    const session = await compile("webgpu", graph);
    await session.step(batchOf(graph, 0), 0.01);
    const { weights, optimiser } = await stateOf(session);
    const before = new Map([...weights].map(([name, { data, shape }]) => [name, { data: data.slice(), shape }]));
    await session.step(batchOf(graph, 1), 0.01);
    expect(largestDifference(weights, before)).toBe(0);
    expect(largestDifference(weights, await session.weights())).toBeGreaterThan(0);
    await session.setState(weights, optimiser);
    expect(largestDifference(weights, await session.weights())).toBe(0);
    await session.dispose();
  });

  deviceTest("running averages of batch norms stay there, too", async () => {
    const normed = networkOf(2, { norm: "batch" });
    const [cpu, gpu] = [await trained("cpu", normed, 4), await trained("webgpu", normed, 4)];
    expect(largestDifference(gpu.weights, cpu.weights)).toBeLessThan(1e-4);
    expect(gpu.evaluation.loss).toBeCloseTo(cpu.evaluation.loss, 4);
  });

  deviceTest("two hundred steps hold no more memory than twenty", async () => {
    const wide = networkOf(2, { featuresPerStage: [8, 160, 160] }); // 1 million weights: 8 MB are made anew at each step
    const session = await compile("webgpu", wide);
    const memory = async (steps: number) => {
      for (let step = 0; step < steps; step++) await session.step(batchOf(wide, 0), 0.01);
      return process.memoryUsage.rss() / 1e6;
    };
    const early = await memory(20);
    const late = await memory(180);
    console.warn(`memory after 20 and 200 steps: ${early.toFixed(0)} and ${late.toFixed(0)} MB`);
    expect(late - early).toBeLessThan(400); // 180 steps that are not freed hold 1,440 MB
    await session.dispose();
  });
});

function networkOf(dimensions: number, more: Partial<Architecture> = {}): NetworkGraph {
  const axes = <T>(value: T): T[] => new Array(dimensions).fill(value);
  return buildNetwork(
    {
      kind: "plain",
      featuresPerStage: [4, 8, 8],
      kernelSizes: [axes(3), axes(3), axes(3)],
      strides: [axes(1), axes(2), axes(2)],
      convsPerStage: [2, 2, 2],
      convsPerStageDecoder: [2, 2],
      convBias: true,
      transposedConvBias: false,
      headBias: false,
      normEpsilon: 1e-5,
      leakyReluSlope: 0.01,
      ...more,
    },
    { inputChannels: 1, outputChannels: 2, patchSize: axes(dimensions === 3 ? 8 : 16) },
  );
}

function compile(device: Device, graph: NetworkGraph): Promise<TrainingSession> {
  return ortEngine.compile(graph, initialiseWeights(graph, createRandom(0)), {
    batchSize: 2,
    loss: diceCrossEntropy({ batchDice: true }),
    outputWeights: deepSupervisionWeights(graph.outputs.length),
    optimiser: sgd(),
    device,
  });
}

/** Noise, whose bright voxels are to be found. */
function batchOf(graph: NetworkGraph, seed: number): TrainingBatch {
  const random = createRandom(1, seed);
  const { spatial } = graph.input;
  const data = Float32Array.from({ length: 2 * elementCount(spatial) }, () => random.normal());
  const targets = graph.outputs.map((output, i) => {
    const shape = [2, 1, ...output.spatial];
    const labels = Int32Array.from({ length: elementCount(shape) }, (_, v) => (i === 0 && data[v]! > 0.5 ? 1 : 0));
    return { data: labels, shape };
  });
  return { data, shape: [2, 1, ...spatial], targets, caseIds: [] };
}

async function trained(device: Device, graph: NetworkGraph, steps: number) {
  const session = await compile(device, graph);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push((await session.step(batchOf(graph, step), 0.01)).loss);
  const result = { losses, weights: await session.weights(), evaluation: await session.evaluate(batchOf(graph, 1000)) };
  await session.dispose();
  return result;
}

async function stateOf(session: TrainingSession) {
  return { weights: await session.weights(), optimiser: await session.optimiserState() };
}

function largestDifference(a: Weights, b: Weights): number {
  const differences = [...a].flatMap(([name, { data }]) =>
    [...data].map((v, i) => Math.abs(v - b.get(name)!.data[i]!)),
  );
  return differences.reduce((largest, d) => Math.max(largest, d), 0);
}

const create = InferenceSession.create;
afterAll(() => {
  InferenceSession.create = create;
});

/** Bytes that every run of onnxruntime takes from the machine's memory, and gives to it. */
async function withTravels<T>(work: (log: { in: number; out: number }[]) => Promise<T>): Promise<T> {
  const log: { in: number; out: number }[] = [];
  const bytes = (tensors: object) =>
    (Object.values(tensors) as Tensor[])
      .filter(({ location }) => location === "cpu")
      .reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0);
  InferenceSession.create = (async (...given: Parameters<typeof create>) => {
    const session = await create.apply(InferenceSession, given);
    const run = session.run.bind(session) as (...args: unknown[]) => Promise<object>;
    session.run = (async (feeds: object, ...rest: unknown[]) => {
      const fed = bytes(feeds);
      const results = await run(feeds, ...rest);
      log.push({ in: fed, out: bytes(results) });
      return results;
    }) as typeof session.run;
    return session;
  }) as typeof create;
  try {
    return await work(log);
  } finally {
    InferenceSession.create = create;
  }
}
