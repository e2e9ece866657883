import { describe, expect, test } from "@jest/globals";
import {
  createRandom,
  type DatasetJson,
  modelMetadataFromOnnx,
  type Plans,
  readOnnxMetadata,
  weightsOfFolds,
} from "@nnunet/core";
import { initialiseWeights, type Weights, writeOnnxModel } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";
import { goldenNetworks, readGoldenNetwork } from "./golden-networks.ts";
import { tinyMetadata } from "./tiny-plans.ts";

describe.each(goldenNetworks)("$name as model.onnx", (network) => {
  const { architecture, patchSize } = network;
  const load = () => readGoldenNetwork(network);

  // 2e-5: logits of size 1 to 5 after some thirty float32 layers (6e-8 each, sums over up to 324 products)
  test("gives PyTorch's logits", async () => {
    const { tensors, graph, weights } = load();
    const metadata = tinyMetadata(architecture, patchSize, [0]);
    const session = await ort.InferenceSession.create(writeOnnxModel(graph, [weights], metadata));
    const input = new ort.Tensor("float32", tensors.get("input")!.data as Float32Array, [2, 2, ...patchSize]);
    const { logits } = await session.run({ input });
    expect(logits!.dims).toEqual([2, 3, ...patchSize]);
    expect(largestDifference(logits!.data as Float32Array, tensors.get("out/0")!.data)).toBeLessThan(2e-5);
    // any batch size: the first sample alone
    const half = (tensors.get("input")!.data as Float32Array).slice(0, input.size / 2);
    const alone = await session.run({ input: new ort.Tensor("float32", half, [1, 2, ...patchSize]) });
    expect(
      largestDifference(
        alone["logits"]!.data as Float32Array,
        (logits!.data as Float32Array).slice(0, logits!.size / 2),
      ),
    ).toBeLessThan(2e-5);
    await session.release();
  });

  test("two folds in one file average their probabilities", async () => {
    const { tensors, graph, weights } = load();
    const other: Weights = new Map(
      [...weights].map(([name, { data, shape }]) => [name, { data: data.map((v) => v * 0.9), shape }]),
    );
    const metadata = tinyMetadata(architecture, patchSize, [0, 1]);
    const input = new ort.Tensor("float32", tensors.get("input")!.data as Float32Array, [2, 2, ...patchSize]);
    const probabilities = async (folds: Weights[], ids: number[]) => {
      const session = await ort.InferenceSession.create(writeOnnxModel(graph, folds, { ...metadata, folds: ids }));
      const { logits } = await session.run({ input });
      await session.release();
      return softmax(logits!.data as Float32Array, 3);
    };
    const [a, b, both] = [
      await probabilities([weights], [0]),
      await probabilities([other], [1]),
      await probabilities([weights, other], [0, 1]),
    ];
    expect(
      largestDifference(
        both,
        a.map((p, i) => (p + b[i]!) / 2),
      ),
    ).toBeLessThan(1e-6);
  });

  test("carries its plans, dataset and hash", () => {
    const { graph, weights } = load();
    const metadata = tinyMetadata(architecture, patchSize, [0]);
    const read = modelMetadataFromOnnx(writeOnnxModel(graph, [weights], metadata), "model.onnx");
    expect(read).toMatchObject({
      configuration: metadata.configuration,
      folds: [0],
      mirrorAxes: metadata.mirrorAxes,
    });
    expect((read.plans as Plans).configurations[metadata.configuration]).toEqual(
      metadata.plans.configurations[metadata.configuration],
    );
    expect(read.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

test("a model of several folds knows the weights of each, the second of a cascade those of the first", () => {
  const { graph, weights } = readGoldenNetwork(goldenNetworks[0]!);
  const { architecture, patchSize } = goldenNetworks[0]!;
  const other = initialiseWeights(graph, createRandom(5));
  const previousStage = { configuration: "3d_lowres", weightsSha256: ["a".repeat(64), "b".repeat(64)] };
  const read = (folds: readonly Weights[], more = {}) => {
    const metadata = { ...tinyMetadata(architecture, patchSize, [0]), folds: folds.map((_, fold) => fold), ...more };
    return modelMetadataFromOnnx(writeOnnxModel(graph, folds, metadata), "model.onnx");
  };
  const [first, second] = [read([weights]), read([other])];
  expect(first).not.toHaveProperty("foldWeightsSha256");
  expect(first).not.toHaveProperty("previousStage");
  const both = read([weights, other], { previousStage });
  expect(weightsOfFolds(both)).toEqual([first.weightsSha256, second.weightsSha256]);
  expect(both.previousStage).toEqual(previousStage);
});

test("a model carries what prediction needs and nothing else: no case, no person, no description", () => {
  const { graph, weights } = readGoldenNetwork(goldenNetworks[0]!);
  const { architecture, patchSize } = goldenNetworks[0]!;
  const plain = tinyMetadata(architecture, patchSize, [0]);
  const secrets = ["Doe_Jane", "somebody@hospital.example", "of the Hospital of Somewhere", "Smith et al."];
  const dataset: DatasetJson = {
    ...plain.dataset,
    name: secrets[2]!,
    numTraining: 1,
    dataset: { [secrets[0]!]: { images: [`${secrets[0]}.nii.gz`] } },
    other: { contact: secrets[1], description: secrets[2], reference: secrets[3], training: [secrets[0]] },
  };
  const decision = {
    configuration: "dataset",
    rule: "x",
    source: "",
    inputs: { case: secrets[0] },
    result: 1,
    rejected: [],
  };
  const plans = { ...plain.plans, explanation: [{ ...decision, text: `because of ${secrets[0]}` }] };
  const bytes = writeOnnxModel(graph, [weights], { ...plain, plans, dataset });
  for (const secret of secrets) expect(Buffer.from(bytes).includes(secret)).toBe(false);
  const carried = readOnnxMetadata(bytes, "model.onnx");
  expect([...carried.keys()].sort()).toEqual(
    ["configuration", "dataset", "file_sha256", "folds", "mirror_axes", "plans", "version", "weights_sha256"].map(
      (key) => `nnunet.${key}`,
    ),
  );
  expect(Object.keys(JSON.parse(carried.get("nnunet.dataset")!))).toEqual(["channel_names", "labels", "file_ending"]);
});

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

/** Over the channels of [2, channels, …]. */
function softmax(logits: Float32Array, channels: number): Float32Array {
  const out = new Float32Array(logits.length);
  const voxels = logits.length / 2 / channels;
  for (let n = 0; n < 2; n++) {
    for (let v = 0; v < voxels; v++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += Math.exp(logits[(n * channels + c) * voxels + v]!);
      for (let c = 0; c < channels; c++)
        out[(n * channels + c) * voxels + v] = Math.exp(logits[(n * channels + c) * voxels + v]!) / sum;
    }
  }
  return out;
}
