import { afterAll, describe, expect, test } from "@jest/globals";
import type { TrainingBatch } from "@nnunet/core";
import {
  deepSupervisionWeights,
  diceCrossEntropy,
  sgd,
  type TrainingEngine,
  type TrainingSession,
} from "@nnunet/trainer";
import { type GoldenNetwork, readGoldenNetwork } from "../../unet-model/tests/golden-networks.ts";

/*
 * PyTorch's own numbers (tools/fixtures/golden/networks.py): the same weights, batch and loss through our graph must give the
 * same logits' loss, the same gradient of every weight, and after three optimiser steps the same weights.
 *
 * Tolerance 1e-4, relative to the largest value of each tensor: both sides compute in float32 (6e-8), and a gradient
 * passes some thirty layers of sums over up to 2,048 voxels, each of which may lose a few units in the last place.
 */
const tolerance = 1e-4;

export function goldenNetworkTests(engine: TrainingEngine, network: GoldenNetwork): void {
  describe(`${network.name} on ${engine.name}`, () => {
    const { patchSize } = network;
    const { tensors, graph, weights } = readGoldenNetwork(network);
    let session: TrainingSession;
    const compiled = async () =>
      (session ??= await engine.compile(graph, weights, {
        batchSize: 2,
        loss: diceCrossEntropy({ batchDice: true }),
        outputWeights: deepSupervisionWeights(graph.outputs.length),
        optimiser: sgd(),
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
