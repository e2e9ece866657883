import { describe, expect, test } from "@jest/globals";
import { createRandom, elementCount, type TrainingBatch } from "@nnunet/core";
import {
  adam,
  type CompileOptions,
  deepSupervisionWeights,
  diceCrossEntropy,
  type Loss,
  type Optimiser,
  ortEngine,
  sgd,
  type TrainingEngine,
  type TrainingSession,
} from "@nnunet/trainer";
import { buildNetwork, initialiseWeights, type Weights } from "@nnunet/unet-model";
import { twoStages } from "./two-stages.ts";

/*
 * What engines promise alike. Tolerances: float32 on both sides, summed in other orders (6e-8 each, some twenty
 * layers); after a few steps below 1e-4 of a loss of about 1.
 */
const architecture = twoStages({ featuresPerStage: [3, 4] });
const graph = buildNetwork(architecture, { inputChannels: 1, outputChannels: 2, patchSize: [8, 8] });
const weights = initialiseWeights(graph, createRandom(3));

/** A bright half on noise. */
function batchOf(seed: number, shape: readonly number[] = [2, 1, 8, 8]): TrainingBatch {
  const random = createRandom(seed);
  const width = shape.at(-1)!;
  const target = Int32Array.from({ length: elementCount(shape) }, (_, v) => (v % width < width / 2 ? 1 : 0));
  const data = Float32Array.from(target, (t) => t + random.normal());
  return { data, shape, targets: [{ data: target, shape }], caseIds: ["a", "b"].slice(0, shape[0]) };
}

const options = (more: Partial<CompileOptions> = {}): CompileOptions => ({
  batchSize: 2,
  loss: diceCrossEntropy({ batchDice: true }),
  outputWeights: deepSupervisionWeights(1),
  optimiser: sgd(),
  ...more,
});

async function train(session: TrainingSession, steps: number): Promise<number[]> {
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push((await session.step(batchOf(0), 0.01)).loss);
  return losses;
}

async function trained(engine: TrainingEngine, more: Partial<CompileOptions>, steps: number) {
  const session = await engine.compile(graph, weights, options(more));
  const losses = await train(session, steps);
  const after = await session.weights();
  await session.dispose();
  return { losses, weights: after };
}

function expectSameWeights(a: Weights, b: Weights): void {
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  for (const [name, { data, shape }] of a) {
    expect(b.get(name)!.shape).toEqual(shape);
    const other = b.get(name)!.data;
    expect(Math.max(...data.map((v, i) => Math.abs(v - other[i]!)))).toBeLessThan(1e-4);
  }
}

const tversky: Loss = (tape, logits, target) => {
  const predicted = tape.sigmoid(logits);
  const truth = tape.equal(target, tape.integers([0, 1], [1, 2, 1, 1]));
  const overlap = tape.sum(tape.multiply(predicted, truth));
  const size = tape.add(
    tape.multiply(tape.sum(predicted), tape.scalar(0.3)),
    tape.multiply(tape.sum(truth), tape.scalar(0.7)),
  );
  return tape.subtract(tape.scalar(1), tape.divide(overlap, tape.atLeast(size, 1)));
};

const variants: [string, { loss?: Loss; optimiser?: Optimiser }][] = [
  ["SGD and Dice + cross-entropy", {}],
  ["a loss of one's own", { loss: tversky }],
  ["Adam", { optimiser: adam() }],
  ["a clipped gradient", { optimiser: sgd({ momentum: 0.9, weightDecay: 0.1, clipNorm: 0.01 }) }],
];

/**
 * An engine beside "ort".
 *
 * @param heldTensors - how many tensors the engine's library holds now
 */
export function engineTests(engine: TrainingEngine, heldTensors: () => number): void {
  test.each(variants)("%s: losses and weights of six steps are the same in both engines", async (_, variant) => {
    const [a, b] = [await trained(ortEngine, variant, 6), await trained(engine, variant, 6)];
    for (const [step, loss] of a.losses.entries()) expect(Math.abs(loss - b.losses[step]!)).toBeLessThan(1e-4);
    expectSameWeights(a.weights, b.weights);
    expect(a.losses.at(-1)).toBeLessThan(a.losses[0]!);
  });

  describe.each([
    ["sgd", sgd()],
    ["adam", adam()],
  ] as const)("weights and state of %s", (_, optimiser) => {
    test.each([
      ["ort", "tfjs", ortEngine, engine],
      ["tfjs", "ort", engine, ortEngine],
    ] as const)("of %s go on in %s as if nothing had happened", async (_from, _to, first, second) => {
      const whole = await trained(first, { optimiser }, 6);
      const begun = await first.compile(graph, weights, options({ optimiser }));
      await train(begun, 3);
      const goesOn = await second.compile(graph, initialiseWeights(graph, createRandom(4)), options({ optimiser }));
      await goesOn.setState(await begun.weights(), await begun.optimiserState());
      const losses = await train(goesOn, 3);
      for (const [i, loss] of losses.entries()) expect(Math.abs(loss - whole.losses[3 + i]!)).toBeLessThan(1e-4);
      expectSameWeights(await goesOn.weights(), whole.weights);
      expect((await goesOn.optimiserState()).steps).toBe(6);
      await begun.dispose();
      await goesOn.dispose();
    });
  });

  describe("batch norm", () => {
    const net = buildNetwork(
      { ...architecture, norm: "batch" },
      { inputChannels: 1, outputChannels: 2, patchSize: [8, 8] },
    );
    const start = initialiseWeights(net, createRandom(6));
    const run = async (one: TrainingEngine) => {
      const session = await one.compile(net, start, options());
      const losses = await train(session, 4);
      const [after, validated] = [await session.weights(), await session.evaluate(batchOf(9))];
      await session.dispose();
      return { losses, after, validated };
    };

    test("trains alike in both engines, and validates by running averages", async () => {
      const [a, b] = [await run(ortEngine), await run(engine)];
      for (const [step, loss] of a.losses.entries()) expect(Math.abs(loss - b.losses[step]!)).toBeLessThan(1e-4);
      expectSameWeights(a.after, b.after);
      expect(Math.abs(a.validated.loss - b.validated.loss)).toBeLessThan(1e-4);
      expect(a.after.get("encoder.stages.0.0.convs.0.norm.running_mean")).not.toEqual(
        start.get("encoder.stages.0.0.convs.0.norm.running_mean"),
      );
    });

    test.each([
      ["ort", "the other", ortEngine, engine],
      ["the other", "ort", engine, ortEngine],
    ] as const)("goes on from %s in %s", async (_from, _to, first, second) => {
      const whole = await run(first);
      const begun = await first.compile(net, start, options());
      await train(begun, 2);
      const goesOn = await second.compile(net, initialiseWeights(net, createRandom(7)), options());
      await goesOn.setState(await begun.weights(), await begun.optimiserState());
      await train(goesOn, 2);
      expectSameWeights(await goesOn.weights(), whole.after);
      await begun.dispose();
      await goesOn.dispose();
    });

    // differences of a loss of about 1 in float32 are good to 1e-7 / 2e-3: about 1e-4 of slopes up to 0.1
    test.each([ortEngine, engine].map((one) => [one.name, one] as const))(
      "%s: its gradient is the slope of the loss",
      async (_, one) => {
        const session = await one.compile(net, start, options());
        const { gradients } = await session.gradients(batchOf(0));
        const lossAt = async (name: string, index: number, value: number) => {
          const { data, shape } = start.get(name)!;
          const moved = data.slice();
          moved[index] = value;
          await session.setState(new Map([...start, [name, { data: moved, shape }]]));
          return (await session.gradients(batchOf(0))).loss;
        };
        for (const name of [
          "encoder.stages.0.0.convs.0.conv.weight",
          "encoder.stages.0.0.convs.0.norm.weight",
          "encoder.stages.1.0.convs.0.norm.bias",
          "decoder.stages.0.convs.0.norm.weight",
        ]) {
          const middle = start.get(name)!.data[1]!;
          const slope = ((await lossAt(name, 1, middle + 1e-3)) - (await lossAt(name, 1, middle - 1e-3))) / 2e-3;
          expect(Math.abs(slope - gradients.get(name)!.data[1]!)).toBeLessThan(1e-3);
          expect(Math.abs(slope)).toBeGreaterThan(2e-3);
        }
        await session.dispose();
      },
    );
  });

  test("three convolutions a stage and no deep supervision: the same in both engines, and the other head stays", async () => {
    const deep = buildNetwork(
      {
        ...architecture,
        featuresPerStage: [2, 3, 3],
        kernelSizes: [
          [3, 3],
          [3, 3],
          [3, 3],
        ],
        strides: [
          [1, 1],
          [2, 2],
          [2, 1],
        ],
        convsPerStage: [3, 3, 3],
        convsPerStageDecoder: [3, 3],
      },
      { inputChannels: 1, outputChannels: 2, patchSize: [8, 8] },
    );
    const start = initialiseWeights(deep, createRandom(5));
    const run = async (one: TrainingEngine) => {
      const session = await one.compile(deep, start, options({ outputWeights: [1, 0] }));
      const losses = await train(session, 3);
      const after = await session.weights();
      await session.dispose();
      return { losses, after };
    };
    const [a, b] = [await run(ortEngine), await run(engine)];
    for (const [step, loss] of a.losses.entries()) expect(Math.abs(loss - b.losses[step]!)).toBeLessThan(1e-4);
    expectSameWeights(a.after, b.after);
    const [unused, used] = ["decoder.seg_layers.0.weight", "decoder.seg_layers.1.weight"];
    expect(b.after.get(unused!)).toEqual(start.get(unused!));
    expect(b.after.get(used!)).not.toEqual(start.get(used!));
  });

  test.each([ortEngine, engine].map((one) => [one.name, one] as const))(
    "%s: a state of other shapes is refused, and a batch of other shapes",
    async (_, one) => {
      const session = await one.compile(graph, weights, options());
      await expect(session.setState(weights, { steps: 1, kept: {} })).rejects.toThrow(
        "momentum → encoder.stages.0.0.convs.0.conv.weight: this weight is missing",
      );
      const wrong = { ...batchOf(0), shape: [2, 1, 8, 4] };
      await expect(session.step(wrong, 0.01)).rejects.toThrow(
        "batch.data of a, b: expected shape [2,1,8,8], got [2,1,8,4]",
      );
      await session.dispose();
    },
  );

  test.each([ortEngine, engine].map((one) => [one.name, one] as const))(
    "%s: a batch of a sampler of one's own that is none is refused in a sentence that names its cases",
    async (_, one) => {
      const session = await one.compile(graph, weights, options());
      const whole = batchOf(0);
      const step = (change: object) => session.step({ ...whole, ...change }, 0.01);
      const targets = (change: (data: Int32Array) => unknown) =>
        step({ targets: whole.targets.map(({ data, shape }) => ({ data: change(data), shape })) });
      const noInt32 = "batch.targets[0].data of a, b: expected Int32Array, got Float32Array(128)";
      await expect(targets((data) => Float32Array.from(data, (label) => label / 2))).rejects.toThrow(noInt32);
      await expect(targets((data) => [...data])).rejects.toThrow("batch.targets[0].data of a, b: expected Int32Array");
      const ofSecond = "batch.targets[0] of b: expected labels from 0 to 1 (look at what a sampler";
      await expect(targets((data) => data.with(70, 9))).rejects.toThrow(ofSecond);
      await expect(step({ targets: undefined })).rejects.toThrow("batch.targets: expected a list of arrays");
      await expect(step({ shape: undefined })).rejects.toThrow("batch.data of a, b: expected shape [2,1,8,8], got []");
      await expect(step({ caseIds: undefined })).rejects.toThrow(
        "batch.caseIds: expected the ids of the cases of its 2",
      );
      await session.dispose();
    },
  );

  test("tfjs: a thousand steps, and everything else a training asks for, leave not one tensor more", async () => {
    // every kind of layer, as small as can be: 4 voxels
    const tiny = buildNetwork(
      {
        kind: "residual",
        featuresPerStage: [1, 2],
        kernelSizes: [
          [1, 1],
          [1, 1],
        ],
        strides: [
          [1, 1],
          [2, 2],
        ],
        convsPerStage: [1, 1],
        convsPerStageDecoder: [1],
        convBias: true,
        transposedConvBias: true,
        headBias: true,
        normEpsilon: 1e-5,
        leakyReluSlope: 0.01,
      },
      { inputChannels: 1, outputChannels: 2, patchSize: [2, 2] },
    );
    const before = heldTensors();
    const session = await engine.compile(tiny, initialiseWeights(tiny, createRandom(0)), {
      ...options(),
      batchSize: 1,
    });
    const compiled = heldTensors();
    const batch = batchOf(0, [1, 1, 2, 2]);
    for (let step = 0; step < 1000; step++) {
      await session.step(batch, 0.001);
      if (step % 250 === 0) {
        await session.evaluate(batch);
        await session.gradients(batch);
        await session.setState(await session.weights(), await session.optimiserState());
      }
    }
    expect(heldTensors()).toBe(compiled);
    await session.dispose();
    expect(heldTensors()).toBe(before);
  }, 120_000);

  test("tfjs: a step that fails leaves no tensor behind", async () => {
    const session = await engine.compile(graph, weights, options());
    const compiled = heldTensors();
    const broken = { ...batchOf(0), targets: [] };
    for (let i = 0; i < 3; i++) await expect(session.step(broken, 0.01)).rejects.toThrow("batch.targets[0]");
    expect(heldTensors()).toBe(compiled);
    await session.dispose();
  });
}
