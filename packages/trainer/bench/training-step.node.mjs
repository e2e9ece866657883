/**
 * One training step of a plain U-Net on the ort engine, in a process of its own so that its peak memory is its own.
 * Started by training-step.bench.mjs; prints JSON like training-step.torch.py.
 */
import { createRandom } from "@nnunet/core";
import { deepSupervisionWeights, diceCrossEntropy, ortEngine, sgd } from "@nnunet/trainer";
import { buildNetwork, initialiseWeights } from "@nnunet/unet-model";

const { features, patch, batch, steps, threads = 2 } = JSON.parse(process.argv[2]);
const featuresPerStage = [0, 1, 2, 3].map((stage) => features * 2 ** stage);
const graph = buildNetwork(
  {
    kind: "plain",
    featuresPerStage,
    kernelSizes: featuresPerStage.map(() => [3, 3, 3]),
    strides: featuresPerStage.map((_, stage) => (stage === 0 ? [1, 1, 1] : [2, 2, 2])),
    convsPerStage: [2, 2, 2, 2],
    convsPerStageDecoder: [2, 2, 2],
    convBias: true,
    transposedConvBias: false,
    headBias: false,
    normEpsilon: 1e-5,
    leakyReluSlope: 0.01,
  },
  { inputChannels: 1, outputChannels: 3, patchSize: patch },
);
const session = await ortEngine.compile(graph, initialiseWeights(graph, createRandom(0)), {
  batchSize: batch,
  loss: diceCrossEntropy({ batchDice: false }),
  outputWeights: deepSupervisionWeights(3),
  optimiser: sgd(),
  device: "cpu",
  threads,
});
const random = createRandom(1);
const voxels = (shape) => shape.reduce((a, b) => a * b, batch);
const training = {
  data: Float32Array.from({ length: voxels(patch) }, () => random.normal()),
  shape: [batch, 1, ...patch],
  targets: graph.outputs.map(({ spatial }) => ({
    data: Int32Array.from({ length: voxels(spatial) }, () => random.integer(0, 3)),
    shape: [batch, 1, ...spatial],
  })),
  caseIds: [],
};
const milliseconds = [];
const losses = [];
for (let i = 0; i < steps; i++) {
  const started = performance.now();
  losses.push((await session.step(training, 0.01)).loss);
  milliseconds.push(performance.now() - started);
}
await session.dispose();
console.log(JSON.stringify({ milliseconds, peakBytes: process.resourceUsage().maxRSS * 1024, losses }));
