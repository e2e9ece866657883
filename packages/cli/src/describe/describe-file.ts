import { basename } from "node:path";
import {
  counted,
  datasetFromJson,
  elementCount,
  FileError,
  fingerprintFromJson,
  InvalidArtifactError,
  isNnunetError,
  modelDatasetFromJson,
  type Plans,
  shownShape,
  plansFromJson,
} from "@nnunet/core";
import { readJson, readRegularFile } from "@nnunet/core/node";
import { summaryFromJson, summaryTable } from "@nnunet/evaluate";
import { type ImageWarning, imageStem, isDicomFile, readImage, readImageInfo } from "@nnunet/io";
import { describeValues } from "./image-values.ts";
import { readCheckpoint } from "@nnunet/trainer";
import { isForeignModel } from "@nnunet/interop";
import { readSafetensors } from "@nnunet/unet-model";
import { describeFingerprint } from "./describe-fingerprint.ts";
import type { ArtefactDescription } from "./artefact-description.ts";
import { describeDataset } from "./describe-labels.ts";
import { describeForeign } from "./describe-foreign.ts";
import { describeModel } from "./describe-model.ts";
import { textTable } from "./text-table.ts";

/** What a file is, by its content rather than its name. */
export async function describeFile(path: string, byteCount: number): Promise<ArtefactDescription> {
  const size = bytes(byteCount);
  if (path.endsWith(".onnx")) return describeModel(path, size);
  if (path.endsWith(".safetensors")) return describeSafetensors(path, size);
  if (path.endsWith(".json")) return describeJson(path);
  if (await isForeignModel(path)) return describeForeign(path);
  if (path.endsWith(".ndjson"))
    return { kind: "log", lines: [`${path}: training log, one JSON object per epoch (${size})`] };
  if (basename(path) === "progress.svg")
    return { kind: "curves", lines: [`${path}: the curves of a training, a picture`] };
  if (imageStem(path) !== undefined || (await isDicomFile(path))) return describeImage(path, size);
  throw new FileError(
    path,
    "not an artefact of nnunet: expected an image, .onnx, .safetensors, .json or a folder of these",
  );
}

async function describeSafetensors(path: string, size: string): Promise<ArtefactDescription> {
  try {
    const { settings, history, weights } = await readCheckpoint(path);
    let count = 0;
    for (const { data } of weights.values()) count += data.length;
    const last = history.at(-1);
    const lines = [
      `${path}: a training checkpoint (${size}), ${history.length} of ${settings.epochs} epochs done`,
      `  configuration ${settings.configuration}, fold ${settings.fold}, seed ${settings.seed}, batch ${settings.batchSize}, ${settings.iterationsPerEpoch} steps per epoch`,
      `  ${count.toLocaleString("en")} weights, with their momentum`,
      ...(last
        ? [`  last epoch: loss ${last.trainLoss.toFixed(4)}, moving patch Dice ${last.movingPseudoDice.toFixed(4)}`]
        : []),
    ];
    return { kind: "checkpoint", lines };
  } catch (error) {
    if (!isNnunetError(error, "INVALID_ARTIFACT") || !error.field.startsWith("__metadata__")) throw error;
    const { tensors } = readSafetensors(await readRegularFile(path), path);
    return {
      kind: "tensors",
      lines: [`${path}: ${counted(tensors.size, "tensor")} (${size}), not a checkpoint of nnunet-ts`],
    };
  }
}

/** Tried in turn: a file is what its reader accepts. */
async function describeJson(path: string): Promise<ArtefactDescription> {
  const json = await readJson(path);
  const has = (...keys: string[]) => typeof json === "object" && json !== null && keys.every((key) => key in json);
  if (has("configurations", "plans_name"))
    return { kind: "plans", lines: describePlans(plansFromJson(json, path), path) };
  if (has("spacings")) {
    const table = describeFingerprint({ value: fingerprintFromJson(json, path) });
    return { kind: "fingerprint", lines: [`${path}: the fingerprint of a dataset`, ...table] };
  }
  if (has("metric_per_case")) {
    const summary = summaryFromJson(json, path);
    const head = `${path}: scores of ${counted(summary.cases.length, "case")}`;
    return { kind: "summary", lines: [head, ...summaryTable(summary).split("\n")] };
  }
  if (has("labels")) {
    const dataset = has("numTraining") ? datasetFromJson(json, path) : modelDatasetFromJson(json, path);
    return { kind: "dataset.json", lines: [`${path}: the description of a dataset`, `  ${describeDataset(dataset)}`] };
  }
  if (Array.isArray(json) && json.every((fold) => Array.isArray(fold?.train) && Array.isArray(fold?.val))) {
    const folds = json.map(
      (fold, i) => `  fold ${i}: ${fold.train.length} training, ${fold.val.length} validation cases`,
    );
    return { kind: "splits", lines: [`${path}: the folds of a cross-validation`, ...folds] };
  }
  if (basename(path) === "made_from.json") {
    return {
      kind: "record",
      lines: [`${path}: hashes of what the artefacts beside it were made from; a rerun skips by them`],
    };
  }
  throw new InvalidArtifactError(path, "", "JSON, but neither plans, fingerprint, dataset.json, summary nor splits");
}

function describePlans(plans: Plans, path: string): string[] {
  const rows = Object.entries(plans.configurations).map(([name, c]) => [
    name,
    c.spacing.map((s) => Number(s.toPrecision(4))).join(" × "),
    c.patchSize.join(" × "),
    String(c.batchSize),
    c.architecture.featuresPerStage.join(" "),
  ]);
  const head = ["configuration", "spacing, mm", "patch", "batch", "features"];
  return [
    `${path}: the plan for ${plans.datasetName}, by ${plans.planner} (rules: ${plans.ruleSet})`,
    ...textTable(head, rows),
    "Every decision: nnunet plan <dataset> --explain",
  ];
}

/** A file of a few MB may hold a volume of many GB. */
const mostVoxelsLookedAt = 2 ** 28;

export async function describeImage(path: string, size: string): Promise<ArtefactDescription> {
  const warnings: ImageWarning[] = [];
  const onWarning = (warning: ImageWarning) => warnings.push(warning);
  const { shape, geometry, dataType, format } = await readImageInfo(path, { onWarning });
  const isHuge = elementCount(shape) > mostVoxelsLookedAt;
  const values = isHuge ? "values not looked at: that many take minutes" : describeValues(await readImage(path));
  const [channels, ...space] = shape;
  const lines = [
    `${path}: a ${format} image (${size})`,
    `  ${shownShape(space)} voxels [x, y, z] of ${dataType}${channels > 1 ? `, ${channels} channels` : ""}`,
    `  spacing ${[...geometry.spacing]
      .reverse()
      .map((s) => Number(s.toPrecision(6)))
      .join(" × ")} mm [x, y, z]`,
    `  origin ${geometry.origin.map((o) => Number(o.toPrecision(6))).join(", ")} mm [x, y, z, LPS]`,
    `  ${values}`,
    ...warnings.map(({ path: file, field, problem }) => {
      const where = [file === path ? "" : basename(file), field].filter((part) => part !== "").join(" → ");
      return `  warning: ${where && `${where}: `}${problem}`;
    }),
  ];
  return { kind: "image", lines };
}

function bytes(count: number): string {
  if (count < 1000) return `${count} bytes`;
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}
