import { basename, extname, join, resolve } from "node:path";
import {
  type CaseFiles,
  checkPathSegment,
  type DatasetJson,
  datasetFromJson,
  FileError,
  InvalidArtifactError,
  type RawDataset,
} from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { requireFolder, visibleFiles } from "../files/folder-contents.ts";
import { leadsOut } from "../files/inside-folder.ts";
import { imageEnding } from "../image-formats.ts";
import { channelFileName, channelOfStem } from "./channel-name.ts";

/** The image files of one folder by case, and what does not follow the naming `<case>_0000<ending>`. */
export interface ImageListing {
  /** Case id → file name per channel; a hole where a channel is missing. Ids ascending. */
  readonly cases: ReadonlyMap<string, readonly (string | undefined)[]>;
  readonly others: readonly string[];
}

/**
 * Opens a raw dataset folder of nnU-Net v2's layout: checks its dataset.json and finds the files of every case.
 * No image is read, and of the test cases no file is missed: `imagesTs` is looked at when it is predicted.
 *
 * @param folder - `…/Dataset004_Hippocampus`
 * @throws {FileError} if a file or folder is missing; names the first and says how many
 * @throws {InvalidArtifactError} if dataset.json or the folder's name is wrong
 */
export async function openDataset(folder: string): Promise<RawDataset> {
  const absolute = resolve(folder);
  const { id, name } = datasetNameParts(absolute);
  const json = await readDatasetJson(absolute);
  const trainingCases = json.dataset ? explicitCases(absolute, json) : await trainingCasesOf(absolute, json);
  if (trainingCases.length === 0) {
    if (await isEndingWrong(join(absolute, "imagesTr"), json.fileEnding)) {
      const ending = await commonEnding(join(absolute, "imagesTr"));
      const problem = `is "${json.fileEnding}", but the files of imagesTr end with "${ending}"; correct it`;
      throw new InvalidArtifactError(join(absolute, "dataset.json"), "file_ending", problem);
    }
    throw new FileError(
      join(absolute, "imagesTr"),
      `there is no training case; expected files such as case_0000${json.fileEnding}`,
    );
  }
  const testCases = await testCasesOf(join(absolute, "imagesTs"), json);
  checkCaseIds(json.dataset ? testCases : [...trainingCases, ...testCases], absolute);
  const unlabelled = trainingCases.find(({ label }) => label === undefined);
  if (unlabelled) {
    const path = join(absolute, "dataset.json");
    throw new InvalidArtifactError(
      path,
      `dataset.${unlabelled.id}.label`,
      "this key is missing; a training case needs a label",
    );
  }
  await requireFiles(trainingCases);
  return { folder: absolute, id, name, json, trainingCases, testCases };
}

/** Ids that come from file names become names of other files, by the rule of those in dataset.json. */
function checkCaseIds(cases: readonly CaseFiles[], folder: string): void {
  for (const { id, images } of cases) checkPathSegment(id, images[0] ?? folder, "case id");
}

/** dataset.json of a folder, checked. */
export async function readDatasetJson(folder: string): Promise<DatasetJson> {
  const path = join(folder, "dataset.json");
  await requireFolder(folder);
  if (!(await exists(path))) {
    throw new FileError(
      path,
      "there is no dataset.json; write one (channel_names, labels, numTraining, file_ending), or make the dataset with `convert()`",
    );
  }
  return readWithin(folder, path, async () => datasetFromJson(await readJson(path), path));
}

/** Reads a file of the folder; of one that is a link to something else outside, no error quotes what it holds. */
export async function readWithin<T>(folder: string, path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(await leadsOut(folder, path))) throw error;
    const problem = "is a link that leads out of the folder, and what it leads to cannot be read as this file";
    throw new FileError(path, `${problem}; put the file itself there`);
  }
}

/** Id and name out of `Dataset004_Hippocampus`. */
export function datasetNameParts(folder: string): { id: number; name: string } {
  const name = basename(folder);
  const match = /^Dataset(\d{3,})_.+$/.exec(name);
  if (!match) {
    throw new InvalidArtifactError(
      folder,
      "",
      "the folder of a dataset is called DatasetNNN_Name, such as Dataset004_Hippocampus; rename it, or convert it first",
    );
  }
  return { id: Number(match[1]), name: checkPathSegment(name, folder, "name") };
}

/**
 * Files of a folder sorted into cases and channels. Hidden files (macOS leaves `._` files) are passed over; a folder
 * that does not exist is empty.
 */
export async function listImages(folder: string, fileEnding: string): Promise<ImageListing> {
  const cases = new Map<string, (string | undefined)[]>();
  const others: string[] = [];
  for (const file of await visibleFiles(folder)) {
    const named = file.endsWith(fileEnding) ? channelOfStem(file.slice(0, -fileEnding.length)) : undefined;
    if (!named) {
      others.push(file);
      continue;
    }
    const channels = cases.get(named.id) ?? [];
    channels[named.channel] = file;
    cases.set(named.id, channels);
  }
  return { cases, others };
}

/** What most images of a folder end with, or most files where none is an image; ".nii.gz" if it is empty. */
export async function commonEnding(folder: string): Promise<string> {
  return mostCommonEnding(await visibleFiles(folder)) ?? ".nii.gz";
}

/** What most images among the names end with, or most names where none is that of an image. */
export function mostCommonEnding(names: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  const images = names.filter((name) => imageEnding(name) !== undefined);
  for (const name of images.length > 0 ? images : names) {
    const ending = name.slice(-(imageEnding(name) ?? extname(name)).length);
    if (ending.startsWith(".")) counts.set(ending, (counts.get(ending) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** Whether there are images called `<case>_0000`, but none with this ending. */
export async function isEndingWrong(folder: string, fileEnding: string): Promise<boolean> {
  const files = await visibleFiles(folder);
  return files.some((file) => /_\d{4}\./.test(file)) && !files.some((file) => file.endsWith(fileEnding));
}

async function trainingCasesOf(folder: string, json: DatasetJson): Promise<CaseFiles[]> {
  const imagesTr = join(folder, "imagesTr");
  await requireFolder(imagesTr);
  const { cases } = await listImages(imagesTr, json.fileEnding);
  return [...cases].map(([id, files]) => ({
    id,
    images: completeChannels(imagesTr, id, files, json),
    label: join(folder, "labelsTr", `${id}${json.fileEnding}`),
  }));
}

/**
 * The test cases as they are: they matter to no stage but prediction, which refuses by name what does not fit its
 * model (a missing channel by the file where it should be).
 */
async function testCasesOf(imagesTs: string, json: DatasetJson): Promise<CaseFiles[]> {
  const { cases } = await listImages(imagesTs, json.fileEnding).catch(
    (): ImageListing => ({ cases: new Map(), others: [] }),
  );
  return [...cases].map(([id, files]) => {
    const count = files.length === 1 ? 1 : Math.max(files.length, json.channelNames.length);
    const path = (c: number) => join(imagesTs, files[c] ?? channelFileName(id, c, json.fileEnding));
    return { id, images: Array.from({ length: count }, (_, c) => path(c)) };
  });
}

/** One file per channel, or the single file that holds them all. */
function completeChannels(
  folder: string,
  id: string,
  files: readonly (string | undefined)[],
  json: DatasetJson,
): string[] {
  const names = json.channelNames;
  if (files.length > names.length) {
    throw new FileError(
      join(folder, files.at(-1)!),
      `dataset.json names ${names.length} channel${names.length === 1 ? "" : "s"}, so there is no channel ${files.length - 1}; remove the file or name the channel in channel_names`,
    );
  }
  const missing = Array.from({ length: files.length === 1 ? 1 : names.length }, (_, c) => c).filter(
    (c) => files[c] === undefined,
  );
  if (missing.length > 0) {
    const file = channelFileName(id, missing[0]!, json.fileEnding);
    throw new FileError(
      join(folder, file),
      `channel ${missing[0]} (${names[missing[0]!]}) of case ${id} is missing; add the file or remove the case`,
    );
  }
  return files.map((file) => join(folder, file!));
}

/** The cases of dataset.json's `dataset`: paths relative to the folder, `$VARIABLE` and `${VARIABLE}` filled in. */
export function explicitCases(folder: string, json: DatasetJson): CaseFiles[] {
  return Object.entries(json.dataset ?? {}).map(([id, { images, label }]) => {
    const written: Record<string, string> = {};
    const path = (text: string) => {
      const filled = withVariables(text, folder);
      const full = resolve(folder, filled);
      if (filled !== text) written[full] = text;
      return full;
    };
    return {
      id,
      images: images.map(path),
      ...(label === undefined ? {} : { label: path(label) }),
      ...(Object.keys(written).length > 0 ? { written } : {}),
    };
  });
}

function withVariables(text: string, folder: string): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => {
    const variable = (braced ?? bare)!;
    const value = process.env[variable];
    if (value !== undefined) return value;
    throw new InvalidArtifactError(
      join(folder, "dataset.json"),
      "dataset",
      `the environment variable ${variable} in ${text} is not set; set it or write the path out`,
    );
  });
}

async function requireFiles(cases: readonly CaseFiles[]): Promise<void> {
  const missing: { file: string; what: string; id: string }[] = [];
  for (const { id, images, label, written } of cases) {
    const name = (file: string) => written?.[file] ?? file;
    for (const file of images) if (!(await exists(file))) missing.push({ file: name(file), what: "image", id });
    if (label !== undefined && !(await exists(label))) missing.push({ file: name(label), what: "label", id });
  }
  const first = missing[0];
  if (!first) return;
  const others = missing.length - 1;
  const count = others === 1 ? "1 more file is" : `${others} more files are`;
  const more = others > 0 ? ` (and ${count} missing; \`verify()\` lists them)` : "";
  throw new FileError(
    first.file,
    `the ${first.what} of case ${first.id} is missing; add the file or remove the case${more}`,
  );
}
