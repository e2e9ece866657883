/**
 * Training steps of a plain U-Net on one engine, in a process of its own so that its peak memory is its own. Started by
 * training-step.bench.mjs; prints JSON like training-step.torch.py.
 *
 * The engine "tfjs" is on the package that NNUNET_TFJS_NODE names, else on the installed one.
 */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createRandom } from "@nnunet/core";
import { createTfjsEngine, deepSupervisionWeights, diceCrossEntropy, loadTfjs, ortEngine, sgd } from "@nnunet/trainer";
import { buildNetwork, initialiseWeights } from "@nnunet/unet-model";

const options = JSON.parse(process.argv[2]);
const {
  engine: engineName,
  features,
  patch,
  batch,
  steps,
  threads = 2,
  device = "cpu",
  mixedPrecision = false,
} = options;
const folder = process.env.NNUNET_TFJS_NODE;
const require = createRequire(import.meta.url);
const named = folder === undefined ? undefined : require(resolve(folder, "package.json")).name;
const importPackage = (name) => require(name === named ? resolve(folder) : name);
const engines = { ort: ortEngine, tfjs: createTfjsEngine((options) => loadTfjs(options, importPackage)) };
const graph = buildNetwork(
  {
    kind: "plain",
    featuresPerStage: features,
    kernelSizes: features.map(() => patch.map(() => 3)),
    strides: features.map((_, stage) => patch.map(() => (stage === 0 ? 1 : 2))),
    convsPerStage: features.map(() => 2),
    convsPerStageDecoder: features.slice(1).map(() => 2),
    convBias: true,
    transposedConvBias: false,
    headBias: false,
    normEpsilon: 1e-5,
    leakyReluSlope: 0.01,
  },
  { inputChannels: 1, outputChannels: 3, patchSize: patch },
);
const session = await engines[engineName].compile(graph, initialiseWeights(graph, createRandom(0)), {
  batchSize: batch,
  loss: diceCrossEntropy({ batchDice: false }),
  outputWeights: deepSupervisionWeights(features.length - 1),
  optimiser: sgd(),
  threads,
  device,
  ...(mixedPrecision && { mixedPrecision }),
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
const cpuMilliseconds = [];
const losses = [];
for (let i = 0; i < steps; i++) {
  const started = performance.now();
  const before = process.cpuUsage();
  losses.push((await session.step(training, 0.01)).loss);
  milliseconds.push(performance.now() - started);
  const { user, system } = process.cpuUsage(before);
  cpuMilliseconds.push((user + system) / 1000);
}
const peakBytes = device === "cpu" ? process.resourceUsage().maxRSS * 1024 : cardMemory();
await session.dispose();
console.log(JSON.stringify({ milliseconds, cpuMilliseconds, peakBytes, losses }));

/** Bytes that the card has given away; nothing else should run on it. */
function cardMemory() {
  const query = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"];
  return Number(execFileSync("nvidia-smi", query, { encoding: "utf8" }).split("\n")[0]) * 1024 ** 2;
}
