import { expect, test } from "@jest/globals";
import * as augment from "@nnunet/augment";

test("the exports", () => {
  expect(Object.keys(augment).sort()).toMatchInlineSnapshot(`
[
  "addGaussianNoise",
  "applyBinaryOperator",
  "applyGamma",
  "augmentIntensities",
  "augmentPreviousSegmentation",
  "augmentationConformance",
  "augmentationParameters",
  "batchSourceConformance",
  "binaryOperators",
  "checkParameters",
  "choosePatchStart",
  "createBatchSampler",
  "createBatchSource",
  "defaultBatchSampler",
  "drawFactor",
  "drawSpatialTransform",
  "gaussianBlur",
  "isForegroundSample",
  "loaderPatchSize",
  "maximumRotation",
  "mirrorInPlace",
  "oneHot",
  "operateOnLabel",
  "patchMemory",
  "reachedBox",
  "readPaddedPatch",
  "removeRandomComponent",
  "removeSmallComponents",
  "samplingMatrix",
  "scaleBrightness",
  "scaleContrast",
  "scaledShape",
  "simulateLowResolution",
  "smallComponents",
  "transformImage",
  "transformLabels",
  "v2BlurRadius",
  "writeTarget",
]
`);
});
