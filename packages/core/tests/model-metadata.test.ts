import { expect, test } from "@jest/globals";
import { type DatasetJson, datasetToJson, modelMetadataFromOnnx, type Plans, plansToJson } from "@nnunet/core";

const resampling = { order: 1, orderZ: 0, forceSeparateZ: null };
const plans: Plans = {
  datasetName: "Dataset900_MadeUp",
  plansName: "mine",
  planner: "default",
  ruleSet: "paper",
  originalMedianSpacing: [1, 1, 1],
  originalMedianShape: [1, 40, 40],
  transposeForward: [0, 1, 2],
  transposeBackward: [0, 1, 2],
  imageReaderWriter: "NaturalImage2DIO",
  foregroundIntensityPerChannel: [],
  configurations: {
    "2d": {
      dataIdentifier: "mine_2d",
      batchSize: 2,
      patchSize: [32, 32],
      medianImageSize: [40, 40],
      spacing: [1, 1],
      normalizationSchemes: ["ZScore"],
      useMaskForNorm: [false],
      resamplingData: resampling,
      resamplingSeg: resampling,
      resamplingProbabilities: resampling,
      architecture: {
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
        convsPerStage: [2, 2],
        convsPerStageDecoder: [2],
        convBias: true,
        transposedConvBias: false,
        headBias: false,
        normEpsilon: 1e-5,
        leakyReluSlope: 0.01,
      },
      batchDice: true,
      dummy2dAugmentation: false,
      normalizeBeforeResampling: false,
      averaging: "probabilities",
      augmentation: "paper",
    },
  },
  explanation: [],
};
const dataset: DatasetJson = {
  channelNames: ["MRI"],
  labels: { background: 0, cell: 1 },
  numTraining: 3,
  fileEnding: ".png",
};
const pairs = {
  "nnunet.plans": JSON.stringify(plansToJson(plans)),
  "nnunet.dataset": JSON.stringify(datasetToJson(dataset)),
  "nnunet.configuration": "2d",
  "nnunet.folds": '[0, 3, "all"]',
  "nnunet.mirror_axes": "[0, 1]",
  "nnunet.version": "0.1.0",
  "nnunet.weights_sha256": "ab".repeat(32),
};

/** A protobuf field of bytes: tag, length, bytes. */
function field(number: number, bytes: Uint8Array): number[] {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return [number * 8 + 2, ...length, rest, ...bytes];
}

/** An ONNX file that has metadata only: repeated field 14 of { key = 1, value = 2 }. */
function onnx(metadata: Record<string, string>): Uint8Array {
  const text = new TextEncoder();
  const entries = Object.entries(metadata).flatMap(([key, value]) =>
    field(14, Uint8Array.from([...field(1, text.encode(key)), ...field(2, text.encode(value))])),
  );
  return Uint8Array.from([8, 9, ...entries]); // ir_version 9
}

test("reads plans, dataset and training out of a model", () => {
  expect(modelMetadataFromOnnx(onnx(pairs), "model.onnx")).toEqual({
    plans,
    dataset: { channelNames: ["MRI"], labels: { background: 0, cell: 1 }, fileEnding: ".png" },
    configuration: "2d",
    folds: [0, 3, "all"],
    mirrorAxes: [0, 1],
    softwareVersion: "0.1.0",
    weightsSha256: "ab".repeat(32),
  });
});

test("of a whole dataset.json, as older models carry it, keeps what prediction needs", () => {
  const whole = {
    name: "Dataset900_MadeUp",
    description: "cells of Jane Doe",
    reference: "somebody@hospital.example",
    channel_names: { 0: "MRI" },
    labels: { background: 0, cell: 1 },
    numTraining: 1,
    file_ending: ".png",
    training: [{ image: "./imagesTr/Doe_Jane.png", label: "./labelsTr/Doe_Jane.png" }],
    dataset: { Doe_Jane: { images: ["Doe_Jane.png"], label: "Doe_Jane_label.png" } },
  };
  const { dataset: kept } = modelMetadataFromOnnx(
    onnx({ ...pairs, "nnunet.dataset": JSON.stringify(whole) }),
    "model.onnx",
  );
  expect(kept).toEqual({ channelNames: ["MRI"], labels: { background: 0, cell: 1 }, fileEnding: ".png" });
});

test.each<[string, Record<string, string>, string]>([
  [
    "another program's model",
    { author: "somebody" },
    "model.onnx → nnunet.plans: is missing from the model's metadata; only models exported by nnunet-ts carry their plans",
  ],
  [
    "broken JSON",
    { ...pairs, "nnunet.folds": "[0" },
    "model.onnx → nnunet.folds: not valid JSON (line 1, column 3: expected a comma or ], the file ends); export the model again",
  ],
  [
    "more folds than anybody averages",
    { ...pairs, "nnunet.folds": JSON.stringify(Array(101).fill(0)) },
    "model.onnx → nnunet.folds: expected at most 100 folds, got [0, 0, 0, 0, 0, 0, 0, 0, … 101 items]",
  ],
  [
    "an unknown configuration",
    { ...pairs, "nnunet.configuration": "3d_fullres" },
    'model.onnx → nnunet.configuration: names "3d_fullres", which its plans do not have (2d)',
  ],
  [
    "a wrong axis",
    { ...pairs, "nnunet.mirror_axes": "[3]" },
    "model.onnx → nnunet.mirror_axes[0]: expected an axis: 0, 1 or 2, got 3",
  ],
  [
    "wrong plans",
    { ...pairs, "nnunet.plans": "{}" },
    "model.onnx → nnunet.plans → dataset_name: is missing; expected a text",
  ],
])("wrong metadata are refused by field: %s", (_, metadata, message) => {
  let error: unknown;
  try {
    modelMetadataFromOnnx(onnx(metadata), "model.onnx");
  } catch (caught) {
    error = caught;
  }
  expect((error as Error)?.message).toBe(message);
});

test.each([
  ["JSON", '{ "plans_name": "nnUNetPlans" }', "this is not an ONNX model, but text"],
  ["text that begins with a tag", "Background: 0\nBright: 1\n", "this is not an ONNX model, but text"],
  ["a gzip file", new Uint8Array([0x1f, 0x8b, 8, 0]), "this is not an ONNX model"],
])("a file of another kind: %s", (_, content, problem) => {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  expect(() => modelMetadataFromOnnx(bytes, "x")).toThrow(
    `x: ${problem}; name a model.onnx or a folder with trained folds`,
  );
});

test("an empty file", () => {
  expect(() => modelMetadataFromOnnx(new Uint8Array(), "x")).toThrow("x: the file is empty; export or copy it again");
});

test("a file that is cut off", () => {
  expect(() => modelMetadataFromOnnx(onnx(pairs).slice(0, -5), "model.onnx")).toThrow(
    "model.onnx: not a whole ONNX file (it is cut off or damaged); export or copy it again",
  );
});
