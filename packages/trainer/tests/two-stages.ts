import type { Architecture } from "@nnunet/core";

/** The smallest U-Net that has everything: two stages in 2D, biases everywhere. */
export function twoStages(change: Partial<Architecture> = {}): Architecture {
  return {
    kind: "plain",
    featuresPerStage: [4, 8],
    kernelSizes: [
      [3, 3],
      [3, 3],
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
    ...change,
  } as Architecture;
}
