import { describe, expect, test } from "@jest/globals";
import { createRandom, elementCount, type TrainingBatch } from "@nnunet/core";
import {
  adam,
  type CompileOptions,
  deepSupervisionWeights,
  diceCrossEntropy,
  type Loss,
  ortEngine,
  sgd,
  type TrainingSession,
} from "@nnunet/trainer";
import { buildNetwork, initialiseWeights, type NetworkGraph, type Weights } from "@nnunet/unet-model";
import { nextLossScaling } from "../src/loss-scaling.ts";
import { twoStages } from "./two-stages.ts";

/*
 * On the CPU, where onnxruntime rounds to float16 what goes into and comes out of every convolution and matrix product, as a
 * GPU's tensor cores do. Numbers below 6e-8 become 0, numbers above 65,504 infinite.
 */
const architecture = twoStages({ kind: "residual" });
const graph = buildNetwork(architecture, { inputChannels: 1, outputChannels: 2, patchSize: [16, 16] });
const start = initialiseWeights(graph, createRandom(3));
const dice = diceCrossEntropy({ batchDice: true });

/** Our loss, times a factor: its gradients are as much smaller or larger. */
const times =
  (factor: number): Loss =>
  (tape, logits, target) =>
    tape.multiply(dice(tape, logits, target), tape.scalar(factor));

const compile = (more: Partial<CompileOptions> = {}, network: NetworkGraph = graph): Promise<TrainingSession> =>
  ortEngine.compile(network, initialiseWeights(network, createRandom(3)), {
    batchSize: 2,
    loss: dice,
    outputWeights: deepSupervisionWeights(1),
    optimiser: sgd(),
    mixedPrecision: true,
    ...more,
  });

/** A bright half on noise. */
function batchOf(seed: number, spatial: readonly number[] = [16, 16]): TrainingBatch {
  const random = createRandom(seed);
  const width = spatial.at(-1)!;
  const shape = [2, 1, ...spatial];
  const target = Int32Array.from({ length: elementCount(shape) }, (_, v) => (v % width < width / 2 ? 1 : 0));
  const data = Float32Array.from(target, (t) => 2 * t + random.normal());
  return { data, shape, targets: [{ data: target, shape }], caseIds: ["a", "b"] };
}

const values = (weights: Weights): number[] => [...weights.values()].flatMap(({ data }) => [...data]);
const norm = (all: readonly number[]): number => Math.hypot(...all);
const difference = (a: Weights, b: Weights): number => {
  const [x, y] = [values(a), values(b)];
  return norm(x.map((v, i) => v - y[i]!)) / norm(y);
};

describe("the scale of the loss", () => {
  test("is halved by gradients that are not finite, and counts anew", () => {
    expect(nextLossScaling({ scale: 65536, goodSteps: 1234 }, false)).toEqual({ scale: 32768, goodSteps: 0 });
  });

  test("is doubled after 2,000 steps without one", () => {
    let scaling = { scale: 65536, goodSteps: 0 };
    for (let step = 0; step < 1999; step++) scaling = nextLossScaling(scaling, true);
    expect(scaling).toEqual({ scale: 65536, goodSteps: 1999 });
    expect(nextLossScaling(scaling, true)).toEqual({ scale: 131072, goodSteps: 0 });
  });
});

describe.each([
  ["2d", graph, [16, 16]],
  [
    "3d",
    buildNetwork(
      {
        ...architecture,
        kind: "plain",
        kernelSizes: [
          [3, 3, 3],
          [3, 3, 3],
        ],
        strides: [
          [1, 1, 1],
          [2, 2, 2],
        ],
      },
      { inputChannels: 1, outputChannels: 2, patchSize: [4, 8, 8] },
    ),
    [4, 8, 8],
  ],
] as const)("gradients in float16, %s", (_, network, spatial) => {
  test("are those of float32 to what 11 bits are good for", async () => {
    const [half, whole] = [await compile({}, network), await compile({ mixedPrecision: false }, network)];
    const [a, b] = [await half.gradients(batchOf(0, spatial)), await whole.gradients(batchOf(0, spatial))];
    expect(Math.abs(a.loss - b.loss)).toBeLessThan(1e-2);
    const apart = difference(a.gradients, b.gradients);
    expect(apart).toBeLessThan(2e-2); // each of some ten layers rounds by 5e-4
    expect(apart).toBeGreaterThan(1e-5); // float32 in disguise would differ by 1e-7
    await half.dispose();
    await whole.dispose();
  });
});

describe("a step with mixed precision", () => {
  test("whose gradients overflow changes nothing and halves the scale, until one does not", async () => {
    const session = await compile({ optimiser: adam() });
    const before = await session.optimiserState();
    await session.setState(start, { ...before, lossScaling: { scale: 2 ** 40, goodSteps: 7 } });
    const first = await session.step(batchOf(0), 0.01);
    expect(first).toMatchObject({ skipped: true, lossScale: 2 ** 39 });
    expect(Number.isFinite(first.loss)).toBe(true);
    expect(values(await session.weights())).toEqual(values(start));
    expect(await session.optimiserState()).toEqual({ ...before, lossScaling: { scale: 2 ** 39, goodSteps: 0 } });

    let last = first;
    for (let i = 0; last.skipped && i < 40; i++) last = await session.step(batchOf(0), 0.01);
    expect(last.skipped).toBeUndefined();
    expect(last.lossScale).toBeGreaterThan(2 ** 8);
    expect(last.lossScale).toBeLessThan(2 ** 39);
    expect((await session.optimiserState()).steps).toBe(1);
    expect(values(await session.weights())).not.toEqual(values(start));
    await session.dispose();
  });

  test("doubles the scale that has been good 2,000 times", async () => {
    const session = await compile();
    const state = await session.optimiserState();
    expect(state.lossScaling).toEqual({ scale: 65536, goodSteps: 0 });
    await session.setState(start, { ...state, lossScaling: { scale: 1024, goodSteps: 1999 } });
    expect(await session.step(batchOf(0), 0.01)).toMatchObject({ lossScale: 2048 });
    await session.dispose();
  });

  test("keeps gradients that would vanish in float16 without a scale", async () => {
    const faint = { loss: times(1e-6) };
    const [half, whole] = [await compile(faint), await compile({ ...faint, mixedPrecision: false })];
    const expected = (await whole.gradients(batchOf(0))).gradients;
    const state = await half.optimiserState();
    const at = async (scale: number) => {
      await half.setState(start, { ...state, lossScaling: { scale, goodSteps: 0 } });
      return (await half.gradients(batchOf(0))).gradients;
    };
    const convolutions = (all: Weights) => new Map([...all].filter(([name]) => /conv\d?\.weight$/.test(name)));
    expect(norm(values(convolutions(await at(1))))).toBe(0);
    expect(norm(values(convolutions(expected)))).toBeGreaterThan(1e-7);
    expect(difference(await at(65536), expected)).toBeLessThan(2e-2);
    await half.dispose();
    await whole.dispose();
  });

  test("trains to the Dice of float32", async () => {
    const diceOf = async (mixedPrecision: boolean) => {
      const session = await compile({ mixedPrecision });
      for (let step = 0; step < 40; step++) await session.step(batchOf(step), 0.01);
      const { truePositives: tp, falsePositives: fp, falseNegatives: fn } = await session.evaluate(batchOf(1000));
      await session.dispose();
      return (2 * tp[0]!) / (2 * tp[0]! + fp[0]! + fn[0]!);
    };
    const [half, whole] = [await diceOf(true), await diceOf(false)];
    expect(whole).toBeGreaterThan(0.9);
    expect(Math.abs(half - whole)).toBeLessThan(0.02);
  });

  test("names float16 where it says how it computes, and that the CPU imitates it", async () => {
    const session = await compile();
    expect(session.description).toBe("ort on cpu, convolutions standard in float16");
    expect(session.caution).toBe("the CPU imitates float16: slower than float32, and no smaller");
    await session.dispose();
  });
});
