import { createRandom, elementCount, type TrainingBatch } from "@nnunet/core";
import { GraphBuilder, initialiseWeights } from "@nnunet/unet-model";
import { defaultSgd, sgd } from "../optimisers/sgd.ts";
import { ortEngine } from "../ort/ort-engine.ts";
import type { LossMaker, LossScope } from "./losses.ts";

const architecture = {
  kind: "plain",
  featuresPerStage: [],
  kernelSizes: [],
  strides: [],
  convsPerStage: [],
  convsPerStageDecoder: [],
  convBias: true,
  transposedConvBias: false,
  headBias: true,
  normEpsilon: 1e-5,
  leakyReluSlope: 0.01,
} as const;

/**
 * What any loss must keep to: a finite number for labels and for regions, with and without voxels to be ignored, and a
 * gradient that leads to smaller values. Trains one layer in the engine "ort". Lists every violation, so that a test of any
 * framework can expect an empty list.
 *
 * @example expect(await lossConformance((scope) => tversky(scope, 0.3))).toEqual([]);
 */
export async function lossConformance(create: LossMaker): Promise<string[]> {
  const scopes: Readonly<Record<string, LossScope>> = {
    labels: { batchDice: false, regions: false },
    "a batch as one": { batchDice: true, regions: false },
    "an ignore label": { batchDice: false, regions: false, ignoreLabel: 3 },
    regions: { batchDice: false, regions: true },
  };
  const problems: string[] = [];
  for (const [name, scope] of Object.entries(scopes)) {
    try {
      problems.push(...(await problemsOf(create, scope)).map((problem) => `with ${name}: ${problem}`));
    } catch (error) {
      problems.push(`with ${name}: throws ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
    }
  }
  return problems;
}

async function problemsOf(create: LossMaker, scope: LossScope): Promise<string[]> {
  const classes = 3;
  const b = new GraphBuilder(architecture);
  const input = b.feature(2, [4, 4, 4]);
  const graph = b.graph(input, [b.head("head", input, classes)]);
  const batch = batchOf(scope, classes);
  const { regions, ignoreLabel } = scope;
  const session = await ortEngine.compile(graph, initialiseWeights(graph, createRandom(0, "weights")), {
    batchSize: 2,
    loss: create(scope),
    outputWeights: [1],
    optimiser: sgd({ ...defaultSgd, momentum: 0, weightDecay: 0 }),
    regions,
    ...(ignoreLabel === undefined ? {} : { ignoreLabel }),
    threads: 1,
  });
  try {
    const { loss, gradients } = await session.gradients(batch);
    if (!Number.isFinite(loss)) return [`the loss is ${loss}`];
    const values = [...gradients.values()].flatMap(({ data }) => [...data]);
    if (!values.every(Number.isFinite)) return ["the gradient is not finite everywhere"];
    const norm = Math.hypot(...values);
    if (norm === 0) return ["the gradient is 0 everywhere; is everything a constant, as what equal() gives?"];
    await session.step(batch, 1e-2 / Math.max(norm, 1));
    const after = (await session.gradients(batch)).loss;
    return after <= loss ? [] : [`a small step along the gradient takes the loss from ${loss} to ${after}`];
  } finally {
    await session.dispose();
  }
}

function batchOf({ regions, ignoreLabel }: LossScope, classes: number): TrainingBatch {
  const random = createRandom(3, "loss conformance");
  const voxels = elementCount([4, 4, 4]);
  const channels = regions ? classes : 1;
  const label = () => {
    if (ignoreLabel !== undefined && random.chance(0.2)) return ignoreLabel;
    return random.integer(0, regions ? 2 : classes);
  };
  return {
    data: Float32Array.from({ length: 2 * 2 * voxels }, () => random.normal()),
    shape: [2, 2, 4, 4, 4],
    targets: [{ data: Int32Array.from({ length: 2 * channels * voxels }, label), shape: [2, channels, 4, 4, 4] }],
    caseIds: ["a", "b"],
  };
}
