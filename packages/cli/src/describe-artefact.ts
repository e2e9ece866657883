import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  type DatasetJson,
  datasetFromJson,
  FileError,
  fingerprintFromJson,
  InvalidArtifactError,
  isSegError,
  labelSet,
  modelMetadataFromOnnx,
  type Plans,
  plansFromJson,
} from "@nnunet/core";
import { describeFileError, readJson } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { type DicomSeriesInfo, listDicomSeries, openDataset, readImageInfo } from "@nnunet/io";
import { imageStem } from "@nnunet/pipeline";
import { openPreprocessedCase } from "@nnunet/preprocess";
import { readCheckpoint } from "@nnunet/trainer";
import { readSafetensors } from "@nnunet/unet-model";
import { describeFingerprint } from "./describe-fingerprint.ts";
import { diceTable } from "./dice-table.ts";
import { textTable } from "./text-table.ts";

/** What a file or folder is, for `nnunet info`. */
export interface ArtefactDescription {
  /** "model", "plans", "raw dataset", … */
  readonly kind: string;
  /** For people, several lines. */
  readonly text: string;
}

/**
 * Says in words what any artefact of the road is, by its content rather than its name.
 *
 * @throws {FileError} if there is nothing of that name
 * @throws {InvalidArtifactError | ImageFileError} if it is one of ours, but damaged
 */
export async function describeArtefact(path: string): Promise<ArtefactDescription> {
  const found = await stat(path).catch((error) => {
    throw describeFileError(path, "could not be read", error);
  });
  if (found.isDirectory()) return describeFolder(path);
  const size = bytes(found.size);
  if (path.endsWith(".onnx")) return describeModel(path, size);
  if (path.endsWith(".safetensors")) return describeSafetensors(path, size);
  if (path.endsWith(".json")) return describeJson(path);
  if (path.endsWith(".ndjson"))
    return { kind: "log", text: `${path}: training log, one JSON object per epoch (${size})` };
  if (basename(path) === "progress.svg")
    return { kind: "curves", text: `${path}: the curves of a training, a picture` };
  if (imageStem(path) !== undefined) return describeImage(path, size);
  throw new FileError(
    path,
    "not an artefact of nnunet: expected an image, .onnx, .safetensors, .json or a folder of these",
  );
}

async function describeModel(path: string, size: string): Promise<ArtefactDescription> {
  const metadata = modelMetadataFromOnnx(await readFile(path), path);
  const { plans, dataset, configuration, folds, softwareVersion } = metadata;
  const c = plans.configurations[configuration]!;
  const text = [
    `${path}: a trained model (${size}), all that is needed to predict`,
    `  made by nnunet-ts ${softwareVersion} from ${plans.datasetName}, configuration ${configuration}, fold ${folds.join(", ")}`,
    `  in:  ${dataset.channelNames.join(", ")} images, resampled to ${c.spacing.join(" × ")} mm, patches of ${c.patchSize.join(" × ")}`,
    `  out: ${describeLabels(dataset)}`,
    `  network: ${c.architecture.kind} U-Net, features ${c.architecture.featuresPerStage.join(" ")}`,
    `Use it: nnunet predict -i IMAGES -o SEGMENTATIONS -m ${path}`,
  ];
  return { kind: "model", text: text.join("\n") };
}

async function describeSafetensors(path: string, size: string): Promise<ArtefactDescription> {
  try {
    const { settings, history, weights } = await readCheckpoint(path);
    let count = 0;
    for (const { data } of weights.values()) count += data.length;
    const last = history.at(-1);
    const text = [
      `${path}: a training checkpoint (${size}), ${history.length} of ${settings.epochs} epochs done`,
      `  configuration ${settings.configuration}, fold ${settings.fold}, seed ${settings.seed}, batch ${settings.batchSize}, ${settings.iterationsPerEpoch} steps per epoch`,
      `  ${count.toLocaleString("en")} weights, with their momentum`,
      ...(last
        ? [`  last epoch: loss ${last.trainLoss.toFixed(4)}, moving patch Dice ${last.movingPseudoDice.toFixed(4)}`]
        : []),
    ];
    return { kind: "checkpoint", text: text.join("\n") };
  } catch (error) {
    if (!isSegError(error, "INVALID_ARTIFACT") || !error.field.startsWith("__metadata__")) throw error;
    const { tensors } = readSafetensors(await readFile(path), path);
    return { kind: "tensors", text: `${path}: ${tensors.size} tensors (${size}), not a checkpoint of nnunet-ts` };
  }
}

/** Tried in turn: a file is what its reader accepts. */
async function describeJson(path: string): Promise<ArtefactDescription> {
  const json = await readJson(path);
  const has = (...keys: string[]) => typeof json === "object" && json !== null && keys.every((key) => key in json);
  if (has("configurations", "plans_name"))
    return { kind: "plans", text: describePlans(plansFromJson(json, path), path) };
  if (has("spacings")) {
    const table = describeFingerprint({ value: fingerprintFromJson(json, path) });
    return { kind: "fingerprint", text: `${path}: the fingerprint of a dataset\n${table}` };
  }
  if (has("metric_per_case")) {
    const summary = summaryFromJson(json, path);
    const labels = Object.fromEntries(Object.keys(summary.mean).map((key) => [`label ${key}`, Number(key) || [1]]));
    const named: DatasetJson = { channelNames: [], labels, numTraining: 0, fileEnding: "" };
    return { kind: "summary", text: `${path}: scores of ${summary.cases.length} cases\n${diceTable(summary, named)}` };
  }
  if (has("labels")) {
    const dataset = datasetFromJson(json, path);
    return { kind: "dataset.json", text: `${path}: the description of a dataset\n  ${describeDataset(dataset)}` };
  }
  if (Array.isArray(json) && json.every((fold) => Array.isArray(fold?.train) && Array.isArray(fold?.val))) {
    const folds = json.map(
      (fold, i) => `  fold ${i}: ${fold.train.length} training, ${fold.val.length} validation cases`,
    );
    return { kind: "splits", text: `${path}: the folds of a cross-validation\n${folds.join("\n")}` };
  }
  if (basename(path) === "made_from.json") {
    return {
      kind: "record",
      text: `${path}: hashes of what the artefacts beside it were made from; a rerun skips by them`,
    };
  }
  throw new InvalidArtifactError(path, "", "JSON, but neither plans, fingerprint, dataset.json, summary nor splits");
}

function describePlans(plans: Plans, path: string): string {
  const rows = Object.entries(plans.configurations).map(([name, c]) => [
    name,
    c.spacing.map((s) => Number(s.toPrecision(4))).join(" × "),
    c.patchSize.join(" × "),
    String(c.batchSize),
    c.architecture.featuresPerStage.join(" "),
  ]);
  const head = ["configuration", "spacing, mm", "patch", "batch", "features"];
  return `${path}: the plan for ${plans.datasetName}, by ${plans.planner} (rules: ${plans.ruleSet})\n${textTable(head, rows)}\nEvery decision: nnunet plan <dataset> --explain`;
}

async function describeImage(path: string, size: string): Promise<ArtefactDescription> {
  const { shape, geometry, dataType, format } = await readImageInfo(path);
  const [channels, ...space] = shape;
  const text = [
    `${path}: a ${format} image (${size})`,
    `  ${space.join(" × ")} voxels [z, y, x] of ${dataType}${channels > 1 ? `, ${channels} channels` : ""}`,
    `  spacing ${geometry.spacing.map((s) => Number(s.toPrecision(6))).join(" × ")} mm [z, y, x]`,
    `  origin ${geometry.origin.map((o) => Number(o.toPrecision(6))).join(", ")} mm [x, y, z, LPS]`,
  ];
  return { kind: "image", text: text.join("\n") };
}

async function describeFolder(path: string): Promise<ArtefactDescription> {
  const names = await readdir(path);
  if (names.includes("imagesTr") && names.includes("dataset.json")) {
    if (!/^Dataset\d{3,}_/.test(basename(path))) {
      return {
        kind: "source dataset",
        text: `${path}: a dataset that is not in nnU-Net v2's form yet\nNext: nnunet convert ${path}`,
      };
    }
    const dataset = await openDataset(path);
    return {
      kind: "raw dataset",
      text: `${path}: raw dataset ${dataset.id}, ${dataset.trainingCases.length} training cases, ${dataset.testCases.length} test cases\n  ${describeDataset(dataset.json)}\nNext: nnunet run ${dataset.id}`,
    };
  }
  if (names.includes("dataset_fingerprint.json") && !names.includes("plans.json")) {
    const plans = names.filter((name) => /Plans\.json$/.test(name)).map((name) => name.replace(".json", ""));
    const folders = names.filter((name) => plans.some((plan) => name.startsWith(`${plan}_`)));
    return {
      kind: "preprocessed dataset",
      text: `${path}: a preprocessed dataset\n  plans: ${plans.join(", ") || "none yet"}\n  preprocessed: ${folders.join(", ") || "nothing yet"}`,
    };
  }
  if (names.includes("plans.json") && names.some((name) => name.startsWith("fold_"))) {
    const folds = names.filter((name) => name.startsWith("fold_")).sort();
    const plans = plansFromJson(await readJson(join(path, "plans.json")), join(path, "plans.json"));
    return {
      kind: "model folder",
      text: `${path}: trainings of ${plans.datasetName}: ${folds.join(", ")}\nUse it: nnunet predict -i IMAGES -o SEGMENTATIONS -m ${path}`,
    };
  }
  if (names.some((name) => name.startsWith("checkpoint_") || name === "model.onnx")) {
    const state = names.includes("model.onnx")
      ? "finished: it has its model.onnx"
      : "unfinished: nnunet train … --continue goes on";
    return { kind: "fold", text: `${path}: the training of one fold, ${state}\n  ${names.sort().join(", ")}` };
  }
  if (names.includes("images") && names.includes("labels")) {
    const text = `${path}: pictures with labels\nNext: nnunet convert ${path} --dataset-id N`;
    return { kind: "source dataset", text };
  }
  const images = names.filter((name) => imageStem(name) !== undefined);
  if (images.length > 0) {
    return { kind: "images", text: `${path}: a folder of ${images.length} images, such as ${images[0]}` };
  }
  const cases = names.filter((name) => name.endsWith(".zarr"));
  if (cases.length > 0) {
    return { kind: "preprocessed cases", text: `${path}: ${cases.length} preprocessed cases, such as ${cases[0]}` };
  }
  if (path.replace(/\/$/, "").endsWith(".zarr")) return describeCase(path);
  const models = names.filter((name) => name.split("__").length === 3);
  if (models.length > 0) {
    return { kind: "results", text: `${path}: the trained models of a dataset\n  ${models.join("\n  ")}` };
  }
  const datasets = names.filter((name) => /^Dataset\d{3,}_/.test(name)).sort();
  if (datasets.length > 0) {
    return { kind: "root folder", text: `${path}: a folder of datasets\n  ${datasets.join("\n  ")}` };
  }
  const series = names.length === 0 ? [] : await listDicomSeries(path).catch(() => []);
  if (series.length > 0) return describeSeries(path, series);
  throw new FileError(path, names.length === 0 ? "an empty folder" : "a folder that holds nothing of nnunet");
}

async function describeCase(path: string): Promise<ArtefactDescription> {
  const { shape, properties } = await openPreprocessedCase(dirname(path), basename(path).replace(/\.zarr\/?$/, ""));
  const [channels, ...space] = shape;
  const text = [
    `${path}: preprocessed case ${properties.id} (cropped, normalised, resampled), readable as Zarr 3`,
    `  ${channels} ${channels === 1 ? "channel" : "channels"} of ${space.join(" × ")} voxels [z, y, x], originally ${properties.originalShape.join(" × ")}`,
    `  spacing ${properties.spacingAfterResampling.map((s) => Number(s.toPrecision(6))).join(" × ")} mm`,
  ];
  return { kind: "preprocessed case", text: text.join("\n") };
}

async function describeSeries(path: string, series: readonly DicomSeriesInfo[]): Promise<ArtefactDescription> {
  if (series.length > 1) {
    const listed = series.map((s) => `  ${s.modality}, ${s.files.length} files: ${s.seriesUid}`);
    return {
      kind: "DICOM folder",
      text: `${path}: ${series.length} DICOM series; put each into a folder of its own\n${listed.join("\n")}`,
    };
  }
  const { text } = await describeImage(path, `${series[0]!.files.length} files`);
  return { kind: "DICOM series", text: `${text}\nUse it: nnunet predict -i ${path} -o SEGMENTATION.nii.gz -m MODEL` };
}

function describeDataset(dataset: DatasetJson): string {
  return `channels: ${dataset.channelNames.join(", ")}; labels: ${describeLabels(dataset)}`;
}

function describeLabels(dataset: DatasetJson): string {
  const { ignoreLabel } = labelSet(dataset);
  const listed = Object.entries(dataset.labels).map(
    ([name, id]) => `${typeof id === "number" ? id : `(${id.join(", ")})`} ${name}`,
  );
  return `${listed.join(", ")}${ignoreLabel === undefined ? "" : " (not trained on)"}`;
}

function bytes(count: number): string {
  if (count < 1000) return `${count} bytes`;
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}
