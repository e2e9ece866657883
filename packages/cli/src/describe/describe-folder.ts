import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { counted, FileError, listed, plansFromJson, printable, shownShape } from "@nnunet/core";
import { dividedOtherwise, predictorDescriptionFromJson } from "@nnunet/pipeline";
import { readJson } from "@nnunet/core/node";
import { type DicomSeriesInfo, imageStem, listDicomSeries, openDataset } from "@nnunet/io";
import { isForeignModel } from "@nnunet/interop";
import { openPreprocessedCase } from "@nnunet/preprocess";
import type { ArtefactDescription } from "./artefact-description.ts";
import { describeForeign } from "./describe-foreign.ts";
import { describeImage } from "./describe-file.ts";
import { describeDataset } from "./describe-labels.ts";
import { casesOf } from "../options/dataset-argument.ts";
import { nextHint, useIt } from "../next-hint.ts";
import type { CommonFlags } from "../options/options.ts";

/** What a folder is, by what lies in it. */
export async function describeFolder(path: string, flags: CommonFlags = {}): Promise<ArtefactDescription> {
  const names = await readdir(path);
  if (names.includes("imagesTr") && names.includes("dataset.json")) {
    if (!/^Dataset\d{3,}_/.test(basename(path))) {
      return {
        kind: "source dataset",
        lines: [`${path}: a dataset that is not in nnU-Net v2's form yet`, nextHint(["convert", path], flags)],
      };
    }
    const dataset = await openDataset(path);
    return {
      kind: "raw dataset",
      lines: [
        `${path}: raw dataset ${dataset.id}, ${casesOf(dataset)}`,
        `  ${describeDataset(dataset.json)}`,
        nextHint(["run", path], flags),
      ],
    };
  }
  if (names.includes("dataset_fingerprint.json") && !names.includes("plans.json")) {
    const plans = names.filter((name) => /Plans\.json$/.test(name)).map((name) => name.replace(".json", ""));
    const folders = names.filter((name) => plans.some((plan) => name.startsWith(`${plan}_`)));
    return {
      kind: "preprocessed dataset",
      lines: [
        `${path}: a preprocessed dataset`,
        `  plans: ${plans.join(", ") || "none yet"}`,
        `  preprocessed: ${folders.join(", ") || "nothing yet"}`,
      ],
    };
  }
  if (names.includes("predictor.json")) return describePredictor(path);
  const hasFolds = names.some((name) => name.startsWith("fold_"));
  if (hasFolds && (await isForeignModel(path))) return describeForeign(path);
  if (names.includes("plans.json") && hasFolds) {
    const folds = names.filter((name) => name.startsWith("fold_")).sort();
    const plans = plansFromJson(await readJson(join(path, "plans.json")), join(path, "plans.json"));
    const divided = await dividedOtherwise(folds.map((name) => join(path, name)));
    return {
      kind: "model folder",
      lines: [
        `${path}: trainings of ${plans.datasetName}: ${folds.join(", ")}`,
        ...(divided ? [`  not to be averaged: ${divided.problem}`] : []),
        useIt(path),
      ],
    };
  }
  if (names.some((name) => name.startsWith("checkpoint_") || name === "model.onnx")) {
    const state = names.includes("model.onnx")
      ? "finished: it has its model.onnx"
      : "unfinished: nnunet train … --continue goes on";
    return { kind: "fold", lines: [`${path}: the training of one fold, ${state}`, `  ${listed(names.sort())}`] };
  }
  if (names.includes("images") && names.includes("labels")) {
    const next = nextHint(["convert", path, "--dataset-id", "N"], flags);
    return { kind: "source dataset", lines: [`${path}: pictures with labels`, next] };
  }
  const images = names.filter((name) => imageStem(name) !== undefined);
  if (images.length > 0) {
    return { kind: "images", lines: [`${path}: a folder of ${counted(images.length, "image")}, such as ${images[0]}`] };
  }
  const cases = names.filter((name) => name.endsWith(".zarr"));
  if (cases.length > 0) {
    return {
      kind: "preprocessed cases",
      lines: [`${path}: ${counted(cases.length, "preprocessed case")}, such as ${cases[0]}`],
    };
  }
  if (path.replace(/\/$/, "").endsWith(".zarr")) return describeCase(path);
  const models = names.filter((name) => name.split("__").length === 3);
  if (models.length > 0) {
    return {
      kind: "results",
      lines: [`${path}: the trained models of a dataset`, ...models.map((name) => `  ${name}`)],
    };
  }
  const datasets = names.filter((name) => /^Dataset\d{3,}_/.test(name)).sort();
  if (datasets.length > 0) {
    return { kind: "root folder", lines: [`${path}: a folder of datasets`, ...datasets.map((name) => `  ${name}`)] };
  }
  const series = names.length === 0 ? [] : await listDicomSeries(path);
  if (series.length > 0) return describeSeries(path, series);
  throw new FileError(path, names.length === 0 ? "an empty folder" : "a folder that holds nothing of nnunet");
}

async function describeCase(path: string): Promise<ArtefactDescription> {
  const { shape, properties } = await openPreprocessedCase(dirname(path), basename(path).replace(/\.zarr\/?$/, ""));
  const [channels, ...space] = shape;
  const lines = [
    `${path}: preprocessed case ${properties.id} (cropped, normalised, resampled), readable as Zarr 3`,
    `  ${counted(channels, "channel")} of ${shownShape(space)} voxels [x, y, z], originally ${shownShape(properties.originalShape)}`,
    `  spacing ${shownShape(properties.spacingAfterResampling)} mm`,
  ];
  return { kind: "preprocessed case", lines };
}

async function describeSeries(path: string, series: readonly DicomSeriesInfo[]): Promise<ArtefactDescription> {
  if (series.length > 1) {
    const each = series.map(
      (s) =>
        `  ${s.modality}, ${counted(s.files.length, "file")}: ${s.seriesUid || "(no identifier)"}${s.description && ` (${s.description})`}`,
    );
    return {
      kind: "DICOM folder",
      lines: [`${path}: ${series.length} DICOM series, of which nnunet predict takes one with --series`, ...each],
    };
  }
  const { lines } = await describeImage(path, counted(series[0]!.files.length, "file"));
  return { kind: "DICOM series", lines: [...lines, useIt("MODEL", path, "SEGMENTATION.nii.gz")] };
}

/** What find-best hands over. */
async function describePredictor(path: string): Promise<ArtefactDescription> {
  const file = join(path, "predictor.json");
  const { dataset, members, score, chosen, warnings, files } = predictorDescriptionFromJson(await readJson(file), file);
  const { dice, low, high, cases } = score;
  const interval = low === null || high === null ? "" : ` (95 % interval ${low.toFixed(4)} to ${high.toFixed(4)})`;
  const lines = [
    `${path}: a final predictor of ${printable(dataset)}, all that is needed to predict (${counted(Object.keys(files).length, "file")})`,
    ...members.map(
      ({ configuration, folds, file: model }) =>
        `  ${printable(configuration)}, folds ${folds.join(", ")}: ${printable(model)}`,
    ),
    ...(dice === null ? [] : [`  mean Dice ${dice.toFixed(4)}${interval} over ${counted(cases, "validation case")}`]),
    ...(warnings.includes(chosen) ? [] : [`  ${printable(chosen)}`]),
    ...warnings.map((warning) => `  WARNING: ${printable(warning)}`),
    useIt(path),
  ];
  return { kind: "final predictor", lines };
}
