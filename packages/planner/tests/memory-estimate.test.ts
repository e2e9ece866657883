import { expect, test } from "@jest/globals";
import { featureMapEstimate, type NetworkSize, paperEstimate } from "@nnunet/planner";
import { readGolden } from "./support/golden.ts";

function network(patchSize: number[], strides: number[][], own: Partial<NetworkSize> = {}): NetworkSize {
  const kernelSizes = strides.map((stride) => stride.map(() => 3));
  const divisibility = patchSize.map((_, axis) => strides.reduce((product, stride) => product * stride[axis]!, 1));
  return {
    topology: { patchSize, strides, kernelSizes, divisibility },
    kind: "plain",
    convsPerStage: strides.map(() => 2),
    convsPerStageDecoder: strides.slice(1).map(() => 2),
    baseFeatures: 32,
    maximumFeatures: patchSize.length === 2 ? 512 : 320,
    inputChannels: 1,
    labels: 3,
    ...own,
  };
}

const fiveHalvings = (axes: number) => [Array(axes).fill(1), ...Array(5).fill(Array(axes).fill(2))];

test("counts by hand: one halving, 8 × 8, 2 features", () => {
  const strides = [
    [1, 1],
    [2, 2],
  ];
  const small = network([8, 8], strides, { baseFeatures: 2, labels: 2 });
  // encoder 2 maps of 2 features, decoder 2 and the up-convolution 1, head 2 labels; bottleneck 2 maps of 4 on 4 × 4
  expect(featureMapEstimate(small)).toBe(64 * (5 * 2 + 2) + 16 * 2 * 4);
  // the paper-era code counts the input channel too
  expect(paperEstimate(1)(small)).toBe(64 * (5 * 2 + 2 + 1) + 16 * 2 * 4);
});

test("the residual encoder at 128³ with 3 classes: 558,319,104 elements with its deep-supervision heads", () => {
  const residual = {
    kind: "residual",
    convsPerStage: [1, 3, 4, 6, 6, 6],
    convsPerStageDecoder: [1, 1, 1, 1, 1],
  } as const;
  const headsBelowFullResolution = 3 * (64 ** 3 + 32 ** 3 + 16 ** 3 + 8 ** 3); // the planner does not count them
  const estimate = featureMapEstimate(network([128, 128, 128], fiveHalvings(3), residual));
  expect(estimate + headsBelowFullResolution).toBe(558_319_104);
});

test("agrees with the feature maps of 194 real networks of nnU-Net v2", () => {
  const rows = Object.entries(readGolden<Record<string, number>>("v2_vram_estimates.json"));
  expect(rows).toHaveLength(194);
  for (const [key, expected] of rows) {
    // a Python tuple: (patch), input channels, labels, '(strides)', '(kernels)'
    const json = key.replaceAll("'", "").replaceAll("(", "[").replaceAll(")", "]").replaceAll(",]", "]");
    const [patchSize, inputChannels, labels, strides] = JSON.parse(json);
    expect([key, featureMapEstimate(network(patchSize, strides, { inputChannels, labels }))]).toEqual([key, expected]);
  }
});
