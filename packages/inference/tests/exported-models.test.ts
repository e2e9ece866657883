import { describe, expect, test } from "@jest/globals";
import { type Architecture, createRandom, labelSet, modelMetadataFromOnnx } from "@nnunet/core";
import { inspectModel, loadModel } from "@nnunet/inference";
import { buildNetwork, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";
import { tinyMetadata } from "../../unet-model/tests/tiny-plans.ts";
import { networkCost, workAllowed } from "../src/guard/check-network.ts";
import { readGraph } from "../src/guard/read-graph.ts";

const architecture = (kind: Architecture["kind"], axes: number, biased: boolean): Architecture => ({
  kind,
  featuresPerStage: [4, 8, 12],
  kernelSizes: Array.from({ length: 3 }, (_, stage) =>
    Array.from({ length: axes }, (_, i) => (stage + i === 0 ? 1 : 3)),
  ),
  strides: [1, 2, 2].map((stride) => Array.from({ length: axes }, () => stride)),
  convsPerStage: [2, 2, 3],
  convsPerStageDecoder: [1, 2],
  convBias: biased,
  transposedConvBias: biased,
  headBias: biased,
  normEpsilon: 1e-5,
  leakyReluSlope: 0.01,
});

const kinds = (["plain", "residual"] as const).flatMap((kind) =>
  [2, 3].flatMap((axes) =>
    [[0], [0, 1, 2]].flatMap((folds) =>
      (["probabilities", "logits"] as const).flatMap((averaging) =>
        ([false, true] as const).map((regions) => ({ kind, axes, folds, averaging, regions })),
      ),
    ),
  ),
);

function exported({ kind, axes, folds, averaging, regions }: (typeof kinds)[number], length = 8): Uint8Array {
  const network = architecture(kind, axes, regions);
  const plain = tinyMetadata(
    network,
    Array.from({ length: axes }, () => length),
    folds,
  );
  const configuration = { ...plain.plans.configurations[plain.configuration]!, averaging };
  const plans = { ...plain.plans, configurations: { [plain.configuration]: configuration } };
  const dataset = regions
    ? { ...plain.dataset, labels: { background: 0, whole: [1, 2], part: 2 }, regionsClassOrder: [1, 2] }
    : plain.dataset;
  const { outputChannels } = labelSet(dataset);
  const graph = buildNetwork(network, { inputChannels: 2, outputChannels, patchSize: configuration.patchSize });
  const weights = folds.map((fold) => initialiseWeights(graph, createRandom(fold)));
  return writeOnnxModel(graph, weights, { ...plain, plans, dataset });
}

describe("every network that is exported is loaded", () => {
  test.each(kinds)("$kind, $axes axes, folds $folds, $averaging, regions $regions", async (how) => {
    const bytes = exported(how);
    const { metadata } = await inspectModel(bytes, "model.onnx");
    const largest = 4 * 8 ** how.axes;
    const { live, work } = networkCost(
      readGraph(bytes, "model.onnx"),
      [1, 2, ...Array(how.axes).fill(8)],
      "model.onnx",
    );
    expect(live).toBeLessThan(6 * largest + how.folds.length * 3 * 8 ** how.axes);
    // of what is allowed a quarter is what the plan's network takes at most
    expect(4 * work).toBeLessThan(workAllowed(metadata));
    const model = await loadModel(bytes, { threads: 1 });
    const shape = [2, 2, ...Array(how.axes).fill(8)];
    const logits = await model.run(new Float32Array(4 * 8 ** how.axes).fill(1), shape);
    expect(logits.shape).toEqual([2, labelSet(metadata.dataset).outputChannels, ...shape.slice(2)]);
    await model.dispose();
  });
});

test.each(kinds.filter(({ regions, averaging }) => regions && averaging === "logits"))(
  "$kind, $axes axes, folds $folds, of patches whose norms add up row by row, is loaded and runs",
  async (how) => {
    const length = how.axes === 2 ? 128 : 24;
    const bytes = exported(how, length);
    const { live } = networkCost(readGraph(bytes, "model.onnx"), [1, 2, ...Array(how.axes).fill(length)], "model.onnx");
    expect(live).toBeLessThan(6 * 4 * length ** how.axes + how.folds.length * 3 * length ** how.axes);
    const model = await loadModel(bytes, { threads: 1 });
    const shape = [1, 2, ...Array(how.axes).fill(length)];
    const { data } = await model.run(new Float32Array(2 * length ** how.axes).fill(1), shape);
    expect(data.every(Number.isFinite)).toBe(true);
    await model.dispose();
  },
);

test("one flipped bit anywhere in a model is refused", async () => {
  const bytes = exported(kinds[0]!);
  const random = createRandom(0);
  for (let i = 0; i < 500; i++) {
    const flipped = Uint8Array.from(bytes);
    flipped[random.integer(0, bytes.length)]! ^= 1 << random.integer(0, 8);
    await expect(inspectModel(flipped, "model.onnx")).rejects.toThrow(/^model\.onnx/);
  }
});

test("one flipped bit in the name of the hash of the whole file is no model of an earlier version", async () => {
  const bytes = exported(kinds[0]!);
  const start = Buffer.from(bytes).lastIndexOf("nnunet.file_sha256");
  for (let at = start; at < start + "nnunet.file_sha256".length; at++) {
    const flipped = Uint8Array.from(bytes);
    flipped[at]! ^= 1;
    await expect(inspectModel(flipped, "model.onnx")).rejects.toThrow(/^model\.onnx/);
  }
});

test("one flipped bit in the weights of a model of earlier versions, which carry the weights' hash alone, is refused", async () => {
  const bytes = exported(kinds[1]!);
  const end = Buffer.from(bytes).lastIndexOf("nnunet.file_sha256") - 4;
  const older = bytes.slice(0, end);
  expect((await inspectModel(older, "model.onnx")).metadata).toEqual(modelMetadataFromOnnx(bytes, "model.onnx"));
  for (const { name, bytes: weight } of readGraph(older, "model.onnx").weights.values()) {
    if (name.startsWith("const_")) continue;
    weight[weight.length >> 1]! ^= 1;
    await expect(inspectModel(older, "model.onnx")).rejects.toThrow(
      "model.onnx → nnunet.weights_sha256: its weights changed after the export, in transfer, on the disk or by another program: copy or export the model again",
    );
    weight[weight.length >> 1]! ^= 1;
  }
});
