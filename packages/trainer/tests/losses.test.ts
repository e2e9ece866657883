import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import {
  deepSupervisionWeights,
  diceCrossEntropy,
  type Loss,
  polyLearningRate,
  topKCrossEntropy,
} from "@nnunet/trainer";
import { type LossValue, lossOnOnnxruntime, lossOnTensorflow } from "./loss-values.ts";

/** Values and gradients of nnU-Net v2's losses (../shared/golden/loss.json). */
const golden = JSON.parse(readFileSync(new URL("./fixtures/loss.json", import.meta.url), "utf8"));
const shape: number[] = golden.logits_shape.length === 4 ? golden.logits_shape : [];

/** The same loss, written once, in both engines' operations. */
describe.each([
  ["ort", lossOnOnnxruntime],
  ["tfjs", lossOnTensorflow],
] as const)("%s", (_, lossValue) => {
  const evaluate = (loss: Loss, target: number[], channels: number): Promise<LossValue> =>
    lossValue(loss, { logits: golden.logits, shape, target, channels });

  describe("Dice + cross-entropy equals nnU-Net's", () => {
    // 2e-6: a float32 mean over 60 voxels; gradients are at most 0.02, so 1e-7 is a few units in their last place
    test.each([true, false])("labels, batchDice %s", async (batchDice) => {
      const { loss, gradient } = await evaluate(diceCrossEntropy({ batchDice }), golden.target, 1);
      const name = `dc_ce_batchdice_${batchDice ? "True" : "False"}`;
      expect(Math.abs(loss - golden[name])).toBeLessThan(2e-6);
      expect(largest(gradient, golden[`${name}_grad`])).toBeLessThan(1e-7);
    });
    test.each([true, false])("with an ignore label, batchDice %s", async (batchDice) => {
      const { loss } = await evaluate(diceCrossEntropy({ batchDice, ignoreLabel: 4 }), golden.target_ignore4, 1);
      expect(Math.abs(loss - golden[`dc_ce_ignore_batchdice_${batchDice ? "True" : "False"}`])).toBeLessThan(2e-6);
    });
    test.each([true, false])("regions, batchDice %s", async (batchDice) => {
      const key = batchDice ? "True" : "False";
      const { loss } = await evaluate(
        diceCrossEntropy({ batchDice, regions: true }),
        golden[`region_target_bd${key}`],
        shape[1]!,
      );
      expect(Math.abs(loss - golden[`dc_bce_batchdice_${key}`])).toBeLessThan(2e-6);
    });
  });

  test("regions with an ignore label: an ignored voxel, whatever its logits, changes nothing", async () => {
    const regions: number[] = [...golden.region_target_bdTrue];
    const voxels = shape.slice(2).reduce((a, b) => a * b);
    for (let channel = 0; channel < shape[1]!; channel++) regions[channel * voxels + 3] = 5; // sample 0, voxel 3
    const loss = diceCrossEntropy({ batchDice: true, regions: true, ignoreLabel: 5 });
    const { loss: before, gradient } = await evaluate(loss, regions, shape[1]!);
    for (let channel = 0; channel < shape[1]!; channel++) expect(gradient[channel * voxels + 3]).toBe(0);
    expect(gradient.some((g) => g !== 0)).toBe(true);
    expect(Number.isFinite(before)).toBe(true);
  });

  test("nothing annotated: the loss is finite and its gradient 0", async () => {
    const ignored = new Array(golden.target.length).fill(4);
    const { loss, gradient } = await evaluate(diceCrossEntropy({ batchDice: true, ignoreLabel: 4 }), ignored, 1);
    expect(loss).toBeCloseTo(-1, 6); // Dice of nothing with nothing is 1
    expect(largest(gradient, new Array(gradient.length).fill(0))).toBe(0);
  });

  // 1e-6: a float32 mean of twelve cross-entropies of about 2
  test.each<[string, number, number | undefined]>([
    ["a tenth of the voxels", 0.1, undefined],
    ["with an ignore label", 0.3, 4],
    ["all voxels: the cross-entropy", 1, undefined],
  ])("top k, %s: the mean cross-entropy of the worst voxels and its gradient", async (_, fraction, ignoreLabel) => {
    const target: number[] = ignoreLabel === undefined ? golden.target : golden.target_ignore4;
    const options = ignoreLabel === undefined ? { fraction } : { fraction, ignoreLabel };
    const { loss, gradient } = await evaluate(topKCrossEntropy(options), target, 1);
    const expected = worstVoxels(target, fraction, ignoreLabel);
    expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-6);
    expect(largest(gradient, expected.gradient)).toBeLessThan(1e-7);
  });

  test("top k, all voxels alike: each has its share", async () => {
    const flat = { ...golden, logits: golden.logits.map(() => 0) };
    const { loss, gradient } = await lossValue(topKCrossEntropy({ fraction: 0.1 }), {
      logits: flat.logits,
      shape,
      target: golden.target.map(() => 0),
      channels: 1,
    });
    const [n, classes] = shape as [number, number];
    expect(loss).toBeCloseTo(Math.log(classes), 6);
    const voxels = golden.logits.length / classes;
    expect(gradient[0]!).toBeCloseTo((1 / classes - 1) / voxels, 7);
    expect(gradient[(n - 1) * classes]!).not.toBe(0);
  });

  test("a loss of one's own is differentiated like ours: mean squared distance of the logits to 2", async () => {
    const squared: Loss = (tape, logits) => {
      const error = tape.subtract(logits, tape.scalar(2));
      return tape.mean(tape.multiply(error, error));
    };
    const { gradient } = await evaluate(squared, golden.target, 1);
    const expected = golden.logits.map((l: number) => (2 * (l - 2)) / golden.logits.length);
    expect(largest(gradient, expected)).toBeLessThan(1e-7);
  });
});

test("deep supervision halves, leaves out the lowest resolution, and sums to 1", () => {
  expect(deepSupervisionWeights(4)).toEqual([4 / 7, 2 / 7, 1 / 7, 0]);
  expect(deepSupervisionWeights(1)).toEqual([1]);
  expect(() => deepSupervisionWeights(0)).toThrow("outputs: expected a positive integer, got 0");
});

test("polynomial learning rate at epochs 0, 1, 10, 100, 500, 900, 999 of 1000, as nnU-Net's", () => {
  const expected = [
    0.01, 0.009990999549834914, 0.009909954834128341, 0.009095325760829623, 0.005358867312681466, 0.001258925411794167,
    1.995262314968881e-5,
  ];
  for (const [i, epoch] of [0, 1, 10, 100, 500, 900, 999].entries()) {
    expect(polyLearningRate(0.01, epoch, 1000)).toBeCloseTo(expected[i]!, 14);
  }
  expect(() => polyLearningRate(0.01, 11, 10)).toThrow("epoch: expected a number from 0 to 10, got 11");
});

/** The same in plain numbers: cross-entropy of every voxel, the worst of them, and the softmax less the truth there. */
function worstVoxels(target: readonly number[], fraction: number, ignoreLabel: number | undefined) {
  const [n, classes, ...spatial] = shape as [number, number, ...number[]];
  const size = spatial.reduce((a, b) => a * b);
  const voxels = Array.from({ length: n * size }, (_, i) => {
    const at = (c: number) => (Math.floor(i / size) * classes + c) * size + (i % size);
    const exponentials = Array.from({ length: classes }, (_, c) => Math.exp(golden.logits[at(c)]));
    const sum = exponentials.reduce((a, b) => a + b);
    const counts = target[i] !== ignoreLabel;
    return { at, counts, p: exponentials.map((e) => e / sum), truth: target[i]!, entropy: 0 };
  });
  for (const v of voxels) if (v.counts) v.entropy = -Math.log(v.p[v.truth]!);
  const k = Math.floor(fraction * voxels.length);
  const worst = [...voxels].sort((a, b) => b.entropy - a.entropy).slice(0, k);
  const gradient = new Float32Array(golden.logits.length);
  for (const v of worst.filter((w) => w.counts))
    for (const [c, p] of v.p.entries()) gradient[v.at(c)] = (p - (c === v.truth ? 1 : 0)) / k;
  return { loss: worst.reduce((sum, v) => sum + v.entropy, 0) / k, gradient };
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
  return difference;
}
