import { randomBytes } from "node:crypto";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { basename, isAbsolute, join, relative, resolve } from "node:path";
import {
  type DatasetJson,
  datasetFromJson,
  datasetToJson,
  FileError,
  InvalidArgumentError,
  InvalidArtifactError,
  type RawDataset,
  type StageOptions,
  show,
  throwIfCancelled,
  type Volume,
} from "@nnunet/core";
import { describeFileError, readJson, writeJsonAtomic } from "@nnunet/core/node";
import { exists, listImages, openDataset, requireFolder, visibleFiles } from "./dataset-folder.ts";
import { idOf } from "./find-dataset.ts";
import { readImage, readImageInfo, writeImage } from "./image-file.ts";

export interface ConvertOptions extends StageOptions {
  /** The number in `Dataset004_…`; by default the one in the source's name (`Task04_…`, `Task004_…`). */
  readonly datasetId?: number;
  /** By default the rest of the source's name. */
  readonly name?: string;
}

interface SourceCase {
  readonly id: string;
  /** One file per channel, or one file. */
  readonly images: readonly string[];
  readonly label?: string;
}

/**
 * Makes an nnU-Net v2 dataset out of a Decathlon folder (`Task04_Hippocampus`) or an nnU-Net v1 folder
 * (`Task004_Hippocampus`).
 *
 * Files are copied; only an image of several channels in one file is split, into `_0000`, `_0001`, …. The source is
 * left alone. All is written to a hidden folder beside the target, which takes its name when it is complete.
 *
 * @param source - folder with dataset.json, imagesTr, labelsTr and perhaps imagesTs
 * @param rawRoot - `nnUNet_raw`
 * @returns the new dataset, opened
 * @throws {FileError} if a listed file is missing, or a dataset of that id is already there (it is never overwritten)
 * @throws {InvalidArtifactError} if dataset.json is wrong
 * @example (await convertDataset("Task04_Hippocampus", "nnUNet_raw")).name; // "Dataset004_Hippocampus"
 */
export async function convertDataset(
  source: string,
  rawRoot: string,
  options: ConvertOptions = {},
): Promise<RawDataset> {
  const started = Date.now();
  const folder = resolve(source);
  await requireFolder(folder);
  const jsonPath = join(folder, "dataset.json");
  const raw = await readJson(jsonPath);
  const json = datasetFromJson(raw, jsonPath);
  const target = resolve(rawRoot, targetName(folder, json, options));
  await refuseExisting(rawRoot, target);
  const training = await sourceCases(folder, listed(raw, "training", jsonPath), json);
  const test = await sourceCases(folder, listed(raw, "test", jsonPath), json);
  if (training.length === 0)
    throw new InvalidArtifactError(jsonPath, "training", "the list is empty; nothing to convert");

  const total = training.length + test.length;
  options.onEvent?.({ type: "stage-start", stage: "convert", total, detail: basename(target) });
  const temporary = join(resolve(rawRoot), `.${basename(target)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  try {
    let done = 0;
    for (const [cases, images] of [
      [training, "imagesTr"],
      [test, "imagesTs"],
    ] as const) {
      if (cases.length > 0) await mkdir(join(temporary, images), { recursive: true });
      if (images === "imagesTr") await mkdir(join(temporary, "labelsTr"), { recursive: true });
      for (const one of cases) {
        throwIfCancelled(options.signal, `convert ${source}`);
        await convertImages(one, join(temporary, images), json);
        if (one.label !== undefined) {
          await copy(one.label, join(temporary, "labelsTr", `${one.id}${json.fileEnding}`));
        }
        options.onEvent?.({ type: "progress", stage: "convert", done: ++done, total, item: one.id });
      }
    }
    const { training: _, test: __, numTest: ___, ...other } = json.other ?? {};
    const converted: DatasetJson = { ...json, numTraining: training.length, other };
    await writeJsonAtomic(join(temporary, "dataset.json"), datasetToJson(converted));
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw describeFileError(target, "could not be written", error);
  }
  options.onEvent?.({ type: "stage-end", stage: "convert", seconds: (Date.now() - started) / 1000, detail: target });
  return openDataset(target);
}

function targetName(folder: string, json: DatasetJson, { datasetId, name }: ConvertOptions): string {
  const match = /^(Task|Dataset)(\d+)_(.+)$/.exec(basename(folder));
  if (match?.[1] === "Dataset" && datasetId === undefined && json.other?.["training"] === undefined) {
    throw new InvalidArgumentError(
      "source",
      "a Decathlon or nnU-Net v1 folder; this one is already in v2's form",
      folder,
    );
  }
  const id = datasetId ?? (match ? Number(match[2]) : undefined);
  if (id === undefined) {
    throw new InvalidArgumentError("datasetId", "a number, because the folder is not called TaskNN_Name", datasetId);
  }
  if (!(Number.isInteger(id) && id >= 1 && id <= 999)) {
    throw new InvalidArgumentError("datasetId", "a whole number from 1 to 999", id);
  }
  const title = (name ?? match?.[3] ?? json.name ?? basename(folder)).replace(/[^\w.-]+/g, "_");
  return `Dataset${String(id).padStart(3, "0")}_${title}`;
}

async function refuseExisting(rawRoot: string, target: string): Promise<void> {
  const same = (await visibleFiles(rawRoot)).find((name) => idOf(name) === idOf(basename(target)));
  if (same !== undefined) {
    throw new FileError(
      join(resolve(rawRoot), same),
      `this dataset is already there and is not overwritten; remove it first, or choose another number with --dataset-id`,
    );
  }
}

interface ListedCase {
  readonly image: string;
  readonly label?: string;
}

/** The entries of `training` (image and label) or `test` (image alone, as a string or an object). */
function listed(raw: unknown, key: "training" | "test", path: string): ListedCase[] {
  const value = (raw as Record<string, unknown>)[key];
  if (value === undefined && key === "test") return [];
  const form = key === "training" ? `[{ "image": "…", "label": "…" }, …]` : `["…", …]`;
  if (!Array.isArray(value)) throw new InvalidArtifactError(path, key, `expected ${form}, got ${show(value)}`);
  return value.map((entry: unknown, i) => {
    const { image, label } = (typeof entry === "string" ? { image: entry } : (entry ?? {})) as Record<string, unknown>;
    if (typeof image !== "string" || (key === "training" && typeof label !== "string")) {
      throw new InvalidArtifactError(path, `${key}.${i}`, `expected ${form}, got ${show(entry)}`);
    }
    return typeof label === "string" ? { image, label } : { image };
  });
}

/** The files behind the entries of `training` or `test`; v1 lists `case.nii.gz` where it has `case_0000.nii.gz`. */
async function sourceCases(folder: string, entries: readonly ListedCase[], json: DatasetJson): Promise<SourceCase[]> {
  const cases: SourceCase[] = [];
  const listings = new Map<string, Awaited<ReturnType<typeof listImages>>>();
  const ids = new Set<string>();
  for (const { image, label } of entries) {
    // macOS's ._ files got into some lists, too.
    if (basename(image).startsWith(".")) continue;
    const path = inside(folder, image);
    const id = basename(image, json.fileEnding);
    const labelPath = label === undefined ? undefined : inside(folder, label);
    let images = [path];
    if (!(await exists(path))) {
      const parent = join(path, "..");
      const listing = listings.get(parent) ?? (await listImages(parent, json.fileEnding));
      listings.set(parent, listing);
      const channels = listing.cases.get(id) ?? [];
      const missing = json.channelNames.findIndex((_, c) => channels[c] === undefined);
      if (missing >= 0) {
        const other =
          channels.length > 0 ? join(parent, `${id}_${String(missing).padStart(4, "0")}${json.fileEnding}`) : path;
        throw new FileError(
          other,
          `this image is listed in dataset.json but is missing; get it, or take it off the list`,
        );
      }
      images = channels.map((file) => join(parent, file!));
    }
    if (labelPath !== undefined && !(await exists(labelPath))) {
      throw new FileError(labelPath, `the label of case ${id} is missing; get it, or take the case off the list`);
    }
    if (ids.has(id)) {
      throw new InvalidArtifactError(join(folder, "dataset.json"), "training", `case ${id} is listed twice`);
    }
    ids.add(id);
    cases.push({ id, images, ...(labelPath === undefined ? {} : { label: labelPath }) });
  }
  return cases;
}

/** A dataset.json must not make us copy files from elsewhere. */
function inside(folder: string, file: string): string {
  const path = resolve(folder, file);
  if (isAbsolute(relative(folder, path)) || relative(folder, path).startsWith("..")) {
    throw new InvalidArtifactError(join(folder, "dataset.json"), "training", `${file} lies outside the folder`);
  }
  return path;
}

async function convertImages(one: SourceCase, folder: string, json: DatasetJson): Promise<void> {
  const to = (channel: number) => join(folder, `${one.id}_${String(channel).padStart(4, "0")}${json.fileEnding}`);
  const channels = one.images.length > 1 ? one.images.length : (await readImageInfo(one.images[0]!)).shape[0];
  if (channels !== json.channelNames.length) {
    throw new FileError(
      one.images[0]!,
      `it has ${channels} channels, dataset.json names ${json.channelNames.length} (${json.channelNames.join(", ")})`,
    );
  }
  if (one.images.length === channels) {
    for (const [c, path] of one.images.entries()) await copy(path, to(c));
    return;
  }
  const image = await readImage(one.images[0]!);
  const voxels = image.data.length / channels;
  for (let c = 0; c < channels; c++) {
    const channel: Volume = {
      data: image.data.subarray(c * voxels, (c + 1) * voxels) as Volume["data"],
      shape: [1, image.shape[1], image.shape[2], image.shape[3]],
      geometry: image.geometry,
    };
    await writeImage(to(c), channel);
  }
}

async function copy(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: unknown) => {
    throw describeFileError(to, "could not be written", error);
  });
}
