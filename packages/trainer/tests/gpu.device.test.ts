import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Architecture, createRandom, elementCount, isNnunetError, type TrainingBatch } from "@nnunet/core";
import {
  type CompileOptions,
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
 * Needs a GPU (CUDA with onnxruntime's files for it, or WebGPU), or a software adapter for WebGPU such as SwiftShader
 * (VK_ICD_FILENAMES names its json file). Run by hand: npm run test:device
 */
const missing = new Map<Device, string>();
const devices = ["webgpu", "cuda"] as const;
beforeAll(async () => {
  for (const device of devices) {
    const session = await compile(device, networkOf(2)).catch((error: unknown) => {
      if (!isNnunetError(error, "UNSUPPORTED")) throw error;
      missing.set(device, error.message);
    });
    await session?.dispose();
  }
  for (const message of missing.values()) console.warn(`skipped: ${message}`);
}, 600_000);

/** A test that ends at once where the device is not there. */
function deviceTest(device: Device, name: string, body: () => Promise<void>): void {
  test(name, async () => (missing.has(device) ? undefined : body()), 900_000);
}

/*
 * Decimals to which a device gives the CPU's numbers. WebGPU computes in float32. Convolutions on CUDA may take TF32, ten
 * bits of mantissa, as PyTorch's do.
 */
const decimals: Readonly<Record<(typeof devices)[number], number>> = { webgpu: 4, cuda: 2 };

describe.each(devices)("on %s", (device) => {
  const graph = networkOf(2);
  const small = networkOf(2, { featuresPerStage: [2, 3], ...stages(2) }, 8);

  describe.each([2, 3])("five steps in %d dimensions", (dimensions) => {
    deviceTest(device, "give the losses of the CPU", async () => {
      const network = networkOf(dimensions);
      const [cpu, gpu] = [await trained("cpu", network, 5), await trained(device, network, 5)];
      // half of the last decimal: both sum in different orders, five steps in a row
      expect(gpu.losses).toEqual(cpu.losses.map((loss) => expect.closeTo(loss, decimals[device])));
    });
  });

  deviceTest(device, "a hundred steps give the losses, the weights and the evaluation of the CPU", async () => {
    const [cpu, gpu] = [await trained("cpu", small, 100), await trained(device, small, 100)];
    // what five steps differ by, grown with the number of steps
    const places = decimals[device] - 1;
    expect(gpu.losses).toEqual(cpu.losses.map((loss) => expect.closeTo(loss, places)));
    expect(largestDifference(gpu.weights, cpu.weights)).toBeLessThan(10 ** -places);
    expect(gpu.evaluation.loss).toBeCloseTo(cpu.evaluation.loss, places);
    expect(cpu.losses.at(-1)).toBeLessThan(cpu.losses[0]! - 0.2);
  });

  deviceTest(device, "running averages of batch norms are the CPU's", async () => {
    const normed = networkOf(2, { norm: "batch" });
    const [cpu, gpu] = [await trained("cpu", normed, 4), await trained(device, normed, 4)];
    expect(largestDifference(gpu.weights, cpu.weights)).toBeLessThan(10 ** -decimals[device]);
    expect(gpu.evaluation.loss).toBeCloseTo(cpu.evaluation.loss, decimals[device]);
  });

  deviceTest(device, "a state goes out, into another device's training, and back in", async () => {
    const whole = await trained("cpu", graph, 9);
    let state: Awaited<ReturnType<typeof stateOf>> | undefined;
    for (const [where, from] of [
      [device, 0],
      ["cpu", 3],
      [device, 6],
    ] as const) {
      const session = await compile(where, graph);
      if (state) await session.setState(state.weights, state.optimiser);
      for (let step = from; step < from + 3; step++) await session.step(batchOf(graph, step), 0.01);
      state = await stateOf(session);
      await session.dispose();
    }
    expect(state!.optimiser.steps).toBe(9);
    expect(largestDifference(state!.weights, whole.weights)).toBeLessThan(10 ** -decimals[device]);
  });

  deviceTest(device, "mixed precision trains, or is refused in one sentence where there is no float16", async () => {
    const session = await compile(device, small, { mixedPrecision: true }).catch((error: unknown) => String(error));
    if (typeof session === "string") {
      expect(session).toMatch(
        /mixed precision on device "webgpu" with engine "ort".* f16 .*; train without `mixedPrecision`$/,
      );
      return;
    }
    const losses: number[] = [];
    for (let step = 0; step < 40; step++) losses.push((await session.step(batchOf(small, step), 0.01)).loss);
    await session.dispose();
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.1);
  });
});

describe("the weights on WebGPU stay there", () => {
  const graph = networkOf(2);
  const small = networkOf(2, { featuresPerStage: [2, 3], ...stages(2) }, 8);

  deviceTest(
    "webgpu",
    "a step moves its batch and its learning rate alone, in, and a loss and a norm out",
    async () => {
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
      const batch = 4 * (data.length + targets[0]!.data.length);
      // deep supervision leaves the head of the lowest resolution out, and with it its target
      const parameters = [...initialiseWeights(graph, createRandom(0))].filter(
        ([name]) => !name.includes("seg_layers.0"),
      );
      const vectors = 2 * 4 * parameters.reduce((sum, [, values]) => sum + values.data.length, 0);
      const [first, second, third, evaluation] = travels;
      expect(first).toEqual({ in: batch + 4 + vectors, out: 8 });
      expect([second, third]).toEqual([
        { in: batch + 4, out: 8 },
        { in: batch + 4, out: 8 },
      ]);
      expect(evaluation!.in).toBe(batch);
    },
  );

  deviceTest("webgpu", "what was read is a copy: later steps do not change it", async () => {
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

  deviceTest(
    "webgpu",
    "two hundred steps hold the tensors of one, and a training that has ended holds none",
    async () => {
      const held = await withHeldTensors(async (count) => {
        const session = await compile("webgpu", small);
        const counts: number[] = [];
        for (let step = 0; step < 200; step++) {
          await session.step(batchOf(small, step), 0.01);
          counts.push(count());
        }
        await session.evaluate(batchOf(small, 0));
        await session.weights();
        await session.dispose();
        return [...new Set(counts), count()];
      });
      expect(held).toEqual([2, 0]); // weights and momentum
    },
  );
});

function stages(count: number, dimensions = 2) {
  const axes = <T>(value: T): T[] => new Array(dimensions).fill(value);
  const every = <T>(value: T): T[] => new Array(count).fill(value);
  return {
    kernelSizes: every(axes(3)),
    strides: [axes(1), ...every(axes(2)).slice(1)],
    convsPerStage: every(2),
    convsPerStageDecoder: every(2).slice(1),
  };
}

function networkOf(
  dimensions: number,
  more: Partial<Architecture> = {},
  width = dimensions === 3 ? 8 : 16,
): NetworkGraph {
  return buildNetwork(
    {
      kind: "plain",
      featuresPerStage: [4, 8, 8],
      ...stages(3, dimensions),
      convBias: true,
      transposedConvBias: false,
      headBias: false,
      normEpsilon: 1e-5,
      leakyReluSlope: 0.01,
      ...more,
    },
    { inputChannels: 1, outputChannels: 2, patchSize: new Array(dimensions).fill(width) },
  );
}

function compile(device: Device, graph: NetworkGraph, more: Partial<CompileOptions> = {}): Promise<TrainingSession> {
  return ortEngine.compile(graph, initialiseWeights(graph, createRandom(0)), {
    batchSize: 2,
    loss: diceCrossEntropy({ batchDice: true }),
    outputWeights: deepSupervisionWeights(graph.outputs.length),
    optimiser: sgd(),
    device,
    ...more,
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

type Run = (feeds: object, ...rest: unknown[]) => Promise<object>;

/** Shows every run of onnxruntime to `see`, what is fed and what comes out. */
async function seeingRuns<T>(see: (feeds: Tensor[], results: Tensor[]) => void, work: () => Promise<T>): Promise<T> {
  InferenceSession.create = (async (...given: Parameters<typeof create>) => {
    const session = await create.apply(InferenceSession, given);
    const run = session.run.bind(session) as Run;
    const seen: Run = async (feeds, ...rest) => {
      const results = await run(feeds, ...rest);
      see(Object.values(feeds), Object.values(results));
      return results;
    };
    session.run = seen as typeof session.run;
    return session;
  }) as typeof create;
  try {
    return await work();
  } finally {
    InferenceSession.create = create;
  }
}

/** Bytes that every run takes from the machine's memory, and gives to it. */
function withTravels<T>(work: (log: { in: number; out: number }[]) => Promise<T>): Promise<T> {
  const log: { in: number; out: number }[] = [];
  const bytes = (tensors: Tensor[]) =>
    tensors
      .filter(({ location }) => location === "cpu")
      .reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0);
  return seeingRuns(
    (feeds, results) => log.push({ in: bytes(feeds), out: bytes(results) }),
    () => work(log),
  );
}

/** How many of the tensors that runs left on the device have not been disposed of. */
function withHeldTensors<T>(work: (count: () => number) => Promise<T>): Promise<T> {
  const left: Tensor[] = [];
  return seeingRuns(
    (_, results) => left.push(...results.filter(({ location }) => location === "gpu-buffer")),
    () => work(() => left.filter(({ location }) => location === "gpu-buffer").length),
  );
}
