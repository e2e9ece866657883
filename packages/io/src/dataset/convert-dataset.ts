import { basename, isAbsolute, join, relative, resolve } from "node:path";
import {
  checkPathSegment,
  type DatasetJson,
  datasetFromJson,
  FileError,
  InvalidArgumentError,
  InvalidArtifactError,
  type RawDataset,
  show,
  type Volume,
} from "@nnunet/core";
import { exists, makeFolder, pathBelow, readJson } from "@nnunet/core/node";
import { type ConvertOptions, convertPictureFolder, isPictureFolder } from "./convert-picture-folder.ts";
import { requireFolder, visibleFiles } from "../files/folder-contents.ts";
import { imageEnding } from "../image-formats.ts";
import { copyImage, requireInside } from "./copy-image.ts";
import { listImages, mostCommonEnding, openDataset, readWithin } from "./dataset-folder.ts";
import { readImage, readImageInfo, writeImage } from "../image-file.ts";
import { makeDatasetFolder, newDatasetFolder } from "./new-dataset.ts";
import { channelFileName } from "./channel-name.ts";

interface SourceCase {
  readonly id: string;
  /** One file per channel, or one file. */
  readonly images: readonly string[];
  readonly label?: string;
}

/**
 * Makes an nnU-Net v2 dataset out of a Decathlon folder (`Task04_Hippocampus`), an nnU-Net v1 folder
 * (`Task004_Hippocampus`), or a folder of pictures (`images/`, `labels/`; see {@link convertPictureFolder}).
 *
 * Images are copied with all their files; only an image of several channels in one file is split, into `_0000`, `_0001`,
 * …, and one whose ending is not that of the others is written anew. The ending is that of the files, whatever
 * dataset.json says. The source is left alone. All is written to a hidden folder beside the target, which takes its name when it is complete.
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
  const folder = resolve(source);
  await requireFolder(folder);
  const jsonPath = join(folder, "dataset.json");
  if (!(await exists(jsonPath)) && (await isPictureFolder(folder))) {
    return convertPictureFolder(folder, rawRoot, options);
  }
  if (!(await exists(jsonPath))) throw await notASource(folder);
  const { raw, stated } = await readWithin(folder, jsonPath, async () => {
    const json = await readJson(jsonPath);
    return { raw: json, stated: datasetFromJson(json, jsonPath) };
  });
  const match = /^(Task|Dataset)(\d+)_(.+)$/.exec(basename(folder));
  if (match?.[1] === "Dataset" && stated.other?.["training"] === undefined) {
    const expected = "a Decathlon or nnU-Net v1 folder; this one is already in v2's form";
    throw new InvalidArgumentError("source", expected, folder);
  }
  const { datasetId = match ? Number(match[2]) : undefined, name = match?.[3] ?? stated.name ?? basename(folder) } =
    options;
  const target = await newDatasetFolder(rawRoot, datasetId, name);
  const [listedTraining, listedTest] = [listed(raw, "training", jsonPath), listed(raw, "test", jsonPath)];
  const json = { ...stated, fileEnding: endingOf(listedTraining, stated.fileEnding) };
  const training = await sourceCases(folder, listedTraining, json);
  const test = await sourceCases(folder, listedTest, json);
  if (training.length === 0) {
    throw new InvalidArtifactError(jsonPath, "training", "the list is empty; nothing to convert");
  }
  await makeDatasetFolder(target, training.length + test.length, "convert", options, async (made, step) => {
    await makeFolder(join(made, "labelsTr"));
    for (const [cases, images] of [
      [training, join(made, "imagesTr")],
      [test, join(made, "imagesTs")],
    ] as const) {
      if (cases.length > 0) await makeFolder(images);
      for (const one of cases) {
        step(one.id);
        await convertImages(one, folder, images, json);
        if (one.label === undefined) continue;
        const label = pathBelow(made, "labelsTr", `${one.id}${json.fileEnding}`);
        await copyImage(one.label, label, { isLabel: true, within: folder });
      }
    }
    const { training: _, test: __, numTest, ...other } = json.other ?? {};
    // counted anew, and only where the source counts them
    const counts = numTest === undefined ? {} : { numTest: test.length };
    return { ...json, numTraining: training.length, other: { ...other, ...counts } };
  });
  return openDataset(target);
}

/** Says what was expected where a folder is no source at all. */
async function notASource(folder: string): Promise<FileError> {
  const names = await visibleFiles(folder);
  const listed = `${names.slice(0, 4).join(", ")}${names.length > 4 ? ", …" : ""}`;
  const found = names.length === 0 ? "an empty folder" : listed;
  return new FileError(
    folder,
    `expected a Decathlon or nnU-Net v1 folder (dataset.json, imagesTr, labelsTr) or a folder of pictures (images, labels), found ${found}`,
  );
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

/** The stated ending if any image has it, otherwise what most of them have. */
function endingOf(entries: readonly ListedCase[], stated: string): string {
  const names = entries.map(({ image }) => basename(image)).filter((name) => !name.startsWith("."));
  if (names.some((name) => name.endsWith(stated))) return stated;
  return mostCommonEnding(names) ?? stated;
}

/** The files behind the entries of `training` or `test`; v1 lists `case.nii.gz` where it has `case_0000.nii.gz`. */
async function sourceCases(folder: string, entries: readonly ListedCase[], json: DatasetJson): Promise<SourceCase[]> {
  const cases: SourceCase[] = [];
  const listings = new Map<string, Awaited<ReturnType<typeof listImages>>>();
  const ids = new Set<string>();
  for (const { image, label } of entries) {
    // macOS's ._ files got into some lists, too.
    if (basename(image).startsWith(".")) continue;
    const path = await inside(folder, image);
    const ending = image.endsWith(json.fileEnding) ? json.fileEnding : (imageEnding(image) ?? json.fileEnding);
    const id = checkPathSegment(basename(image, ending), join(folder, "dataset.json"), "training");
    const labelPath = label === undefined ? undefined : await inside(folder, label);
    let images = [path];
    if (!(await exists(path))) {
      const parent = join(path, "..");
      const listing = listings.get(`${parent} ${ending}`) ?? (await listImages(parent, ending));
      listings.set(`${parent} ${ending}`, listing);
      const channels = listing.cases.get(id) ?? [];
      const missing = json.channelNames.findIndex((_, c) => channels[c] === undefined);
      if (missing >= 0) {
        const other = channels.length > 0 ? join(parent, channelFileName(id, missing, ending)) : path;
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

/** A dataset.json must not make us copy files from elsewhere, also not by a link. */
async function inside(folder: string, file: string): Promise<string> {
  const path = resolve(folder, file);
  if (isAbsolute(relative(folder, path)) || relative(folder, path).startsWith("..")) {
    throw new InvalidArtifactError(join(folder, "dataset.json"), "training", `${file} lies outside the folder`);
  }
  await requireInside(folder, path);
  return path;
}

async function convertImages(one: SourceCase, source: string, folder: string, json: DatasetJson): Promise<void> {
  const to = (channel: number) => pathBelow(folder, channelFileName(one.id, channel, json.fileEnding));
  const channels = one.images.length > 1 ? one.images.length : (await readImageInfo(one.images[0]!)).shape[0];
  if (channels !== json.channelNames.length) {
    throw new FileError(
      one.images[0]!,
      `it has ${channels} channels, dataset.json names ${json.channelNames.length} (${json.channelNames.join(", ")})`,
    );
  }
  if (one.images.length === channels) {
    for (const [c, path] of one.images.entries()) await copyImage(path, to(c), { isChannel: true, within: source });
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
    await writeImage(to(c), channel, { isChannel: true });
  }
}
