import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { axisAlignedGeometry, createVolume } from "@nnunet/core";
import { imageEnding, writeImage } from "@nnunet/io";
import { writePreprocessedCase } from "@nnunet/preprocess";
import { writeSafetensors } from "@nnunet/unet-model";

/*
 * Good files to begin from: golden plans, what our own writers write, and the fixtures of the image readers.
 */

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root));
const json = (path) => JSON.parse(read(path).toString("utf8"));

export const datasetJson = {
  name: "Made",
  channel_names: { 0: "MRI", 1: "CT" },
  labels: { background: 0, whole: [1, 2], core: [2], ignore: 3 },
  regions_class_order: [1, 2],
  numTraining: 2,
  file_ending: ".nii.gz",
  dataset: { c1: { images: ["a_0000.nii.gz", "a_0001.nii.gz"], label: "b.nii.gz" }, c2: { images: ["c.nii.gz"] } },
  description: "other tools' keys",
};

export const decathlonJson = {
  name: "Task",
  modality: { 0: "MRI" },
  labels: { 0: "background", 1: "Anterior" },
  numTraining: 1,
  training: [{ image: "./imagesTr/a.nii.gz", label: "./labelsTr/a.nii.gz" }],
  test: ["./imagesTs/b.nii.gz"],
};

export const plansJson = Object.values(json("test-data/golden/v2_default_plans_fulljson.json")).slice(0, 3);

const statistics = { mean: 1, median: 1, std: 1, min: 0, max: 2, percentile_00_5: 0, percentile_99_5: 2 };
export const fingerprintJson = {
  spacings: [
    [1, 1, 1],
    [2, 1, 1],
  ],
  shapes_after_crop: [
    [8, 8, 8],
    [4, 8, 8],
  ],
  foreground_intensity_properties_per_channel: { 0: statistics, 1: statistics },
  median_relative_size_after_cropping: 1,
  case_ids: ["c1", "c2"],
  class_ratios: { 0: 0.9, 1: 0.1 },
  modalities: ["MRI", "CT"],
};

export const splitsJson = [
  { train: ["c1", "c2"], val: ["c3"] },
  { train: ["c2", "c3"], val: ["c1"] },
];

const scores = { Dice: 0.5, IoU: 0.4, TP: 1, FP: 1, FN: 1, TN: 1, n_pred: 2, n_ref: 2 };
export const summaryJson = {
  foreground_mean: scores,
  mean: { 1: scores, "(1, 2)": { ...scores, Dice: null } },
  metric_per_case: [{ metrics: { 1: scores }, prediction_file: "p.nii.gz", reference_file: "r.nii.gz" }],
};

/** A safetensors file as a checkpoint is one. */
export function safetensors() {
  const tensor = (...shape) => ({
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    shape,
  });
  const tensors = new Map([
    ["weights/stem", tensor(2, 1, 3, 3)],
    ["weights/head", tensor(2, 2)],
    ["momentum/head", tensor(2, 2)],
  ]);
  return Buffer.from(writeSafetensors(tensors, { nnunet: '{"format":"nnunet-ts checkpoint 1"}' }));
}

/** The start of a model.onnx: metadata as protobuf. */
export function onnxMetadata() {
  const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
  const field = (number, bytes) =>
    Buffer.concat([Buffer.from(varint(number * 8 + 2)), Buffer.from(varint(bytes.length)), bytes]);
  const { dataset: _, ...dataset } = datasetJson;
  const pairs = {
    plans: JSON.stringify(plansJson[0]),
    dataset: JSON.stringify(dataset),
    configuration: Object.keys(plansJson[0].configurations)[0],
    folds: "[0]",
    mirror_axes: "[0, 1]",
    version: "0.1.0",
    weights_sha256: "ab".repeat(32),
  };
  const entries = Object.entries(pairs).map(([key, value]) =>
    field(14, Buffer.concat([field(1, Buffer.from(`nnunet.${key}`)), field(2, Buffer.from(value))])),
  );
  return Buffer.concat([Buffer.from([0x08, 0x08]), ...entries]);
}

/** `zarr.json` of a stored case, and the folder that it lies in. */
export async function storedCase(folder) {
  const shape = [1, 4, 6, 6];
  const properties = {
    id: "c1",
    geometry: axisAlignedGeometry([1, 1, 1]),
    originalShape: [4, 6, 6],
    transposeForward: [0, 1, 2],
    shapeBeforeCropping: [4, 6, 6],
    cropBox: [
      [0, 4],
      [0, 6],
      [0, 6],
    ],
    shapeAfterCropping: [4, 6, 6],
    spacingAfterTranspose: [1, 1, 1],
    spacingAfterResampling: [1, 1, 1],
    classLocations: { 1: Int32Array.of(1, 2, 3) },
  };
  const voxels = 4 * 6 * 6;
  const stored = { data: new Float32Array(voxels), seg: new Int16Array(voxels), shape, properties };
  await writePreprocessedCase(folder, stored, "0".repeat(64));
  return readFileSync(join(folder, "c1.zarr/zarr.json"));
}

/** Images by ending. An image of two files lists both, the one to be read first. */
export async function images() {
  const folder = mkdtempSync(join(tmpdir(), "nnunet-seeds-"));
  const seeds = [];
  try {
    const voxels = Int16Array.from({ length: 2 * 4 * 5 }, (_, i) => i % 7);
    const volume = createVolume(voxels, [1, 2, 4, 5], axisAlignedGeometry([2, 1, 1]));
    const slice = createVolume(
      Uint8Array.from({ length: 20 }, (_, i) => i * 9),
      [1, 1, 4, 5],
      axisAlignedGeometry([1, 1, 1]),
    );
    for (const ending of [".nii", ".nii.gz", ".hdr", ".nrrd", ".nhdr", ".mha", ".mhd", ".tif", ".png", ".bmp"]) {
      const made = mkdtempSync(join(folder, "one-"));
      await writeImage(join(made, `a${ending}`), [".png", ".bmp"].includes(ending) ? slice : volume);
      const names = readdirSync(made).sort((a, b) => Number(b.endsWith(ending)) - Number(a.endsWith(ending)));
      seeds.push({ ending, files: names.map((name) => ({ name, bytes: readFileSync(join(made, name)) })) });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const fixtures = (name) =>
    JSON.parse(gunzipSync(read(`packages/io/tests/fixtures/${name}.json.gz`)).toString("utf8")).entries;
  for (const [kind, ending] of [
    ["bmp", ".bmp"],
    ["jpeg", ".jpg"],
    ["tiff", ".tif"],
    ["other", undefined],
  ]) {
    for (const { name, file } of fixtures(`${kind}-kinds`)) {
      const end = ending ?? imageEnding(name);
      seeds.push({ ending: end, files: [{ name: `a${end}`, bytes: Buffer.from(file, "base64") }] });
    }
  }
  for (const { files } of fixtures("dicom")) {
    const [first] = Object.values(files);
    seeds.push({ ending: ".dcm", files: [{ name: "a.dcm", bytes: Buffer.from(first, "base64") }] });
  }
  return seeds;
}
