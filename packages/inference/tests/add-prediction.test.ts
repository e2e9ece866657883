import { describe, expect, it } from "@jest/globals";
import type { VolumeShape } from "@nnunet/core";
import { type Activation, addPrediction } from "../src/add-prediction.ts";

const shape: VolumeShape = [3, 1, 1, 4];
const placement = (startX: number, mirrored: boolean) => ({
  start: [0, 0, startX] as const,
  patchSize: [1, 1, 4] as const,
  mirroring: [false, false, mirrored] as const,
  shares: [Float64Array.of(1), Float64Array.of(0.5), Float64Array.of(1, 2, 3, 4)] as const,
});

describe("addPrediction", () => {
  it("weights every voxel by its shares and undoes the mirroring", () => {
    const scores = new Float32Array(12).fill(1);
    const logits = Float32Array.from({ length: 12 }, (_, i) => i);
    expect(addPrediction(scores, shape, logits, 0, "none", placement(0, false))).toBe(true);
    expect([...scores.subarray(4, 8)]).toEqual([1 + 4 * 0.5, 1 + 5, 1 + 6 * 1.5, 1 + 7 * 2]);
    scores.fill(0);
    addPrediction(scores, shape, logits, 0, "none", placement(0, true));
    expect([...scores.subarray(4, 8)]).toEqual([7 * 0.5, 6, 5 * 1.5, 4 * 2]);
  });

  it.each<[Activation, number]>([
    ["none", Number.NaN],
    ["none", Number.POSITIVE_INFINITY],
    ["softmax", Number.NaN],
    ["softmax", Number.NEGATIVE_INFINITY],
    ["sigmoid", Number.POSITIVE_INFINITY],
  ])("%s: says that a logit in the image is %d, and not of one outside", (activation, value) => {
    const logits = new Float32Array(12);
    logits[5] = value; // channel 1, x 1 of the patch
    const tell = (startX: number, mirrored: boolean) =>
      addPrediction(new Float32Array(12), shape, logits, 0, activation, placement(startX, mirrored));
    expect(tell(-1, false)).toBe(false);
    expect(tell(-2, false)).toBe(true);
    expect(tell(-2, true)).toBe(false); // mirrored it lies at x 2
    expect(tell(-3, true)).toBe(true);
  });
});
