import { expect, test } from "@jest/globals";
import { createRandom, type TrainingBatch } from "@nnunet/core";
import { type CompileOptions, diceCrossEntropy, sgd } from "@nnunet/trainer";
import { buildNetwork, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";
import { tinyMetadata } from "../../unet-model/tests/tiny-plans.ts";
import { engines } from "./engines.ts";
import { twoStages } from "./two-stages.ts";

/** The counts of the online evaluation, against counting by hand on the exported network's own logits. */
const scopes: { name: string; regions: boolean; ignoreLabel?: number; norm?: "batch" }[] = [
  { name: "labels", regions: false },
  { name: "labels, batch norm", regions: false, norm: "batch" },
  { name: "labels with an ignore label", regions: false, ignoreLabel: 3 },
  { name: "regions", regions: true },
  { name: "regions with an ignore label", regions: true, ignoreLabel: 3 },
];

test.each(
  engines.flatMap((engine) => scopes.map((scope) => ({ ...scope, name: `${scope.name} on ${engine.name}`, engine }))),
)("$name: true and false positives and negatives", async ({ engine, regions, ignoreLabel, norm }) => {
  const architecture = twoStages(norm && { norm });
  const [classes, voxels] = [3, 64];
  const graph = buildNetwork(architecture, { inputChannels: 2, outputChannels: classes, patchSize: [8, 8] });
  const weights = initialiseWeights(graph, createRandom(5));
  // running averages as after a training
  for (const [name, { data }] of weights)
    if (/running_/.test(name)) for (const c of data.keys()) data[c] = 0.5 + 0.3 * c;
  const scope = { regions, ...(ignoreLabel === undefined ? {} : { ignoreLabel }) };
  const options: CompileOptions = {
    batchSize: 2,
    loss: diceCrossEntropy({ batchDice: true, ...scope }),
    outputWeights: [1],
    optimiser: sgd(),
    ...scope,
  };
  const random = createRandom(6);
  const data = Float32Array.from({ length: 2 * 2 * voxels }, () => random.normal());
  const channels = regions ? classes : 1;
  const target = Int32Array.from({ length: 2 * channels * voxels }, () => random.integer(0, regions ? 2 : classes));
  const ignored = (n: number, v: number) => ignoreLabel !== undefined && (n * voxels + v) % 7 === 0;
  for (let n = 0; n < 2; n++)
    for (let c = 0; c < channels; c++)
      for (let v = 0; v < voxels; v++) if (ignored(n, v)) target[(n * channels + c) * voxels + v] = ignoreLabel!;
  const batch: TrainingBatch = {
    data,
    shape: [2, 2, 8, 8],
    targets: [{ data: target, shape: [2, channels, 8, 8] }],
    caseIds: [],
  };

  const running = await engine.compile(graph, weights, options);
  const { truePositives, falsePositives, falseNegatives } = await running.evaluate(batch);
  await running.dispose();

  const exported = await ort.InferenceSession.create(
    writeOnnxModel(graph, [weights], tinyMetadata(architecture, [8, 8], [0])),
  );
  const { logits } = await exported.run({ input: new ort.Tensor("float32", data, [2, 2, 8, 8]) });
  await exported.release();
  const at = (n: number, c: number, v: number) => (logits!.data as Float32Array)[(n * classes + c) * voxels + v]!;
  const counted = regions ? [0, 1, 2] : [1, 2];
  const expected = counted.map((c) => {
    const counts = { tp: 0, fp: 0, fn: 0 };
    for (let n = 0; n < 2; n++)
      for (let v = 0; v < voxels; v++) {
        if (ignored(n, v)) continue;
        const scores = [0, 1, 2].map((k) => at(n, k, v));
        const predicted = regions ? scores[c]! > 0 : scores.indexOf(Math.max(...scores)) === c;
        const truth = regions ? target[(n * channels + c) * voxels + v] === 1 : target[n * voxels + v] === c;
        if (predicted && truth) counts.tp++;
        else if (predicted) counts.fp++;
        else if (truth) counts.fn++;
      }
    return counts;
  });
  expect([...truePositives]).toEqual(expected.map((e) => e.tp));
  expect([...falsePositives]).toEqual(expected.map((e) => e.fp));
  expect([...falseNegatives]).toEqual(expected.map((e) => e.fn));
  expect(expected.reduce((sum, e) => sum + e.tp, 0)).toBeGreaterThan(0);
});
