import { expect, test } from "@jest/globals";
import { runQuietly } from "../../inference/tests/quiet-process.ts";

const plainTfjs = `createTfjsEngine(async () => {
  const { registerGradients } = await import("./packages/trainer/tests/register-gradients.mjs");
  const tf = await import("@tensorflow/tfjs-core");
  await import("@tensorflow/tfjs-backend-cpu");
  registerGradients();
  tf.enableProdMode();
  await tf.setBackend("cpu");
  return { tf, description: "plain JavaScript" };
})`;

test.each([
  ["ort", "ortEngine"],
  ["tfjs, in plain JavaScript", plainTfjs],
])("%s: a training step leaves nothing below HOME, looks up no name, opens no connection", (_, engine) => {
  const { stdout, madeBelowHome, network } = runQuietly(`
    const { createRandom } = await import("@nnunet/core");
    const { createTfjsEngine, diceCrossEntropy, ortEngine, sgd } = await import("@nnunet/trainer");
    const { buildNetwork, initialiseWeights } = await import("@nnunet/unet-model");
    const architecture = {
      kind: "plain", featuresPerStage: [4, 8], kernelSizes: [[3, 3], [3, 3]], strides: [[1, 1], [2, 2]],
      convsPerStage: [1, 1], convsPerStageDecoder: [1], convBias: true, transposedConvBias: false, headBias: false,
      normEpsilon: 1e-5, leakyReluSlope: 0.01,
    };
    const graph = buildNetwork(architecture, { inputChannels: 1, outputChannels: 2, patchSize: [8, 8] });
    const engine = ${engine};
    const session = await engine.compile(graph, initialiseWeights(graph, createRandom(0)), {
      batchSize: 1, loss: diceCrossEntropy({ batchDice: false, regions: false }), outputWeights: [1], optimiser: sgd(),
    });
    const batch = {
      data: new Float32Array(64), shape: [1, 1, 8, 8], caseIds: ["a"],
      targets: [{ data: new Int32Array(64).fill(1, 32), shape: [1, 1, 8, 8] }],
    };
    console.log((await session.step(batch, 0.01)).loss > 0);`);
  expect(stdout).toBe("true\n");
  expect(madeBelowHome).toEqual([]);
  expect(network ?? []).toEqual([]);
});
