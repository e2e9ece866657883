import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { Architecture, TrainingBatch } from "@nnunet/core";
import { defaultSgd, deepSupervisionWeights, diceCrossEntropy, ortEngine, type TrainingSession } from "@nnunet/trainer";
import { buildNetwork, readSafetensors, type Tensor, type Weights } from "@nnunet/unet-model";

/*
 * PyTorch's own numbers (../shared/golden/README.md): the same weights, batch and loss through our graph must give the
 * same logits' loss, the same gradient of every weight, and after three optimiser steps the same weights.
 *
 * Tolerance 1e-4, relative to the largest value of each tensor: both sides compute in float32 (6e-8), and a gradient
 * passes some thirty layers of sums over up to 2,048 voxels, each of which may lose a few units in the last place.
 */
const tolerance = 1e-4;
const golden = fileURLToPath(new URL("../../../../shared/golden/", import.meta.url));

const networks: { file: string; architecture: Architecture; patchSize: number[] }[] = [
  {
    file: "net_plain2d.safetensors",
    architecture: architecture(
      "plain",
      [
        [3, 3],
        [3, 3],
        [3, 3],
        [3, 3],
      ],
      [
        [1, 1],
        [2, 2],
        [2, 2],
        [2, 1],
      ],
      [2, 2, 2, 2],
      [2, 2, 2],
    ),
    patchSize: [32, 24],
  },
  {
    file: "net_plain3d.safetensors",
    architecture: architecture(
      "plain",
      [
        [1, 3, 3],
        [3, 3, 3],
        [3, 3, 3],
        [3, 3, 3],
      ],
      [
        [1, 1, 1],
        [1, 2, 2],
        [2, 2, 2],
        [2, 2, 2],
      ],
      [2, 2, 2, 2],
      [2, 2, 2],
    ),
    patchSize: [8, 16, 16],
  },
  {
    file: "net_resenc3d.safetensors",
    architecture: architecture(
      "residual",
      [
        [1, 3, 3],
        [3, 3, 3],
        [3, 3, 3],
        [3, 3, 3],
      ],
      [
        [1, 1, 1],
        [1, 2, 2],
        [2, 2, 2],
        [2, 2, 2],
      ],
      [1, 3, 4, 2],
      [1, 1, 1],
    ),
    patchSize: [8, 16, 16],
  },
];

function architecture(
  kind: "plain" | "residual",
  kernelSizes: number[][],
  strides: number[][],
  convs: number[],
  decoder: number[],
): Architecture {
  return {
    kind,
    featuresPerStage: [4, 8, 12, 12],
    kernelSizes,
    strides,
    convsPerStage: convs,
    convsPerStageDecoder: decoder,
    convBias: true,
    transposedConvBias: true,
    headBias: true,
    normEpsilon: 1e-5,
    leakyReluSlope: 0.01,
  };
}

if (!existsSync(golden)) console.warn(`skipped: golden networks are not here (${golden})`);

for (const { file, architecture, patchSize } of networks) {
  (existsSync(golden) ? describe : describe.skip)(file, () => {
    const { tensors } = existsSync(golden)
      ? readSafetensors(readFileSync(golden + file), file)
      : { tensors: new Map<string, Tensor>() };
    const graph = buildNetwork(architecture, { inputChannels: 2, outputChannels: 3, patchSize });
    const named = (prefix: string): Weights =>
      new Map(
        graph.parameters.map(({ name, shape }) => [
          name,
          { data: tensors.get(prefix + name)!.data as Float32Array, shape },
        ]),
      );
    let session: TrainingSession;
    const compiled = async () =>
      (session ??= await ortEngine.compile(graph, named("w/"), {
        batchSize: 2,
        loss: diceCrossEntropy({ batchDice: true }),
        outputWeights: deepSupervisionWeights(graph.outputs.length),
        optimiser: defaultSgd,
        device: "cpu",
      }));
    const batch = (): TrainingBatch => ({
      data: tensors.get("input")!.data as Float32Array,
      shape: [2, 2, ...patchSize],
      targets: graph.outputs.map((_, i) => {
        const target = tensors.get(`target/${i}`)!;
        return { data: Int32Array.from(target.data), shape: target.shape };
      }),
      caseIds: ["golden", "golden"],
    });
    afterAll(async () => session?.dispose());

    test("every gradient agrees with PyTorch", async () => {
      const { loss, gradients } = await (await compiled()).gradients(batch());
      const [expectedLoss] = tensors.get("losses_and_gradnorm")!.data;
      expect(Math.abs(loss - expectedLoss!)).toBeLessThan(1e-5);
      const worst = [...gradients].map(([name, { data }]) => {
        const expected = tensors.get(`grad/${name}`)!.data;
        return { name, difference: relativeDifference(data, expected, isNoise(name) ? 1 : 0) };
      });
      expect(worst.filter(({ difference }) => difference > tolerance)).toEqual([]);
    });

    test("losses, gradient norms and weights of three optimiser steps agree with PyTorch", async () => {
      const running = await compiled();
      const history = tensors.get("losses_and_gradnorm")!.data;
      for (let step = 0; step < 3; step++) {
        const { loss, gradientNorm } = await running.step(batch(), 0.01);
        expect(Math.abs(loss - history[2 * step]!)).toBeLessThan(1e-4);
        expect(Math.abs(gradientNorm / history[2 * step + 1]! - 1)).toBeLessThan(1e-3);
      }
      const differences = [...(await running.weights())].map(([name, { data }]) => ({
        name,
        difference: relativeDifference(data, tensors.get(`w_after3/${name}`)!.data, 0),
      }));
      expect(differences.filter(({ difference }) => difference > tolerance)).toEqual([]);
    });
  });
}

/** A bias in front of an instance norm has gradient 0; PyTorch's is rounding noise of about 1e-8, ours is exactly 0. */
const isNoise = (name: string) => name.endsWith("conv.bias");

function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>, floor: number): number {
  expect(actual.length).toBe(expected.length);
  let scale = floor;
  let difference = 0;
  for (let i = 0; i < actual.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]!));
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
  }
  return difference / scale;
}
