import { readdir, realpath, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import {
  type CaseFiles,
  modelDatasetToJson,
  type ModelDataset,
  FileError,
  plansToJson,
  type StageOptions,
  UnsupportedError,
} from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { type DicomChoice, imageStem, readImageInfo, writableEndings } from "@nnunet/io";
import { contentHash, exists } from "../records/made-from.ts";
import { originOf, writeOwn } from "../records/own-files.ts";
import { imageChoice } from "./image-choice.ts";
import type { LoadedPredictor } from "./load-predictor.ts";

/** Segmentations with this ending are DICOM segmentation objects; no other format of DICOM is written. */
export const SEGMENTATION_OBJECT = ".dcm";

export function isSegmentationObject(path: string): boolean {
  return extname(path).toLowerCase() === SEGMENTATION_OBJECT;
}

/**
 * Whether predictions go into one file, named by `output`, or into a folder of that name. Reads no more than the
 * header of the input, so that an impossible output is known before a model is loaded.
 *
 * @throws {UnsupportedError} if the output cannot be written: an ending that is no format of ours, JPEG, or several
 *   slices in a format of one
 */
export async function namesOneFile(
  input: string,
  output: string,
  choice: DicomChoice & { readonly convertedFrom?: string | undefined } = {},
): Promise<boolean> {
  if (/[/\\]$/.test(output) || (await isFolder(output))) return false;
  if (isSegmentationObject(output)) return true;
  const fromFile = !(await isFolder(input));
  const stem = imageStem(output);
  if (stem === undefined && (extname(output) === "" || !fromFile)) return false;
  const ending = basename(output).slice(stem?.length ?? -extname(output).length);
  const known = [...writableEndings(), SEGMENTATION_OBJECT].join(" ");
  if (!isOneOf(ending, writableEndings())) {
    const folder = stem === undefined ? `, or ${output}/ for a folder` : "";
    throw new UnsupportedError(`writing ${output} (${ending})`, `use one of ${known}${folder}`);
  }
  if (!isOneOf(ending, writableEndings(2)) && (await exists(input))) {
    const image = fromFile ? input : await firstImage(input);
    const [, slices] = (await readImageInfo(image, imageChoice(choice))).shape;
    if (slices > 1) {
      throw new UnsupportedError(`writing the ${slices} slices of ${image} as ${output}`, "use .nii.gz");
    }
  }
  return true;
}

/**
 * The ending of the segmentations of a folder: the dataset's, where it can be written and holds the cases, otherwise
 * `.nii.gz`, which is told.
 */
export async function segmentationEnding(
  { fileEnding }: ModelDataset,
  cases: readonly CaseFiles[],
  { onEvent, seriesUid, volume }: StageOptions & DicomChoice,
): Promise<string> {
  const instead = (reason: string) => {
    const text = `segmentations are written as .nii.gz, because ${reason}`;
    onEvent?.({ type: "message", stage: "predict", level: "info", text });
    return ".nii.gz";
  };
  if (isOneOf(fileEnding, writableEndings(2))) return fileEnding;
  if (!isOneOf(fileEnding, writableEndings()))
    return instead(`${fileEnding}, the dataset's file_ending, cannot be written`);
  for (const { images } of cases) {
    const [, slices] = (await readImageInfo(images[0]!, { seriesUid, volume })).shape;
    if (slices > 1) return instead(`${images[0]} has ${slices} slices, which ${fileEnding} cannot hold`);
  }
  return fileEnding;
}

/** The file of a segmentation's probabilities, beside it. */
export function probabilitiesPath(segmentation: string): string {
  return join(dirname(segmentation), `${stemOf(segmentation)}_probabilities.nii.gz`);
}

/** The files of a segmentation's probabilities as nnU-Net v2 has them, beside it. */
export function v2ProbabilitiesPaths(segmentation: string): V2ProbabilitiesPaths {
  const stem = join(dirname(segmentation), stemOf(segmentation));
  return { npz: `${stem}.npz`, pkl: `${stem}.pkl` };
}

function stemOf(segmentation: string): string {
  return imageStem(segmentation) ?? basename(segmentation, extname(segmentation));
}

export interface V2ProbabilitiesPaths {
  readonly npz: string;
  /** Where the case lies. */
  readonly pkl: string;
}

/**
 * Results never lie among the images that they are made from, where the next run would take them for images, nor among
 * those of a dataset.
 *
 * @param toFile - whether `output` is a file
 * @throws {FileError} if the output folder is that of the images, or inside the folder of a series, or a dataset's
 */
export async function refuseResultsAmongInputs(input: string, output: string, toFile: boolean): Promise<void> {
  const images = (await isFolder(input)) ? input : dirname(input);
  const folder = toFile ? dirname(output) : output;
  const same = (await identity(images)) === (await identity(folder));
  // One image named by itself, and its result named by itself, may lie side by side.
  if (same && !(toFile && images !== input)) {
    const why = "a later run would take the segmentations in it for images";
    throw new FileError(output, `lies among the images to be segmented: ${why}; choose another output`);
  }
  const isSeries = images === input && imageStem(await firstImage(input)) === undefined;
  if (isSeries && !relative(await nearest(input), await nearest(folder)).startsWith("..")) {
    throw new FileError(
      output,
      `lies inside ${input}, a DICOM series, of which every file counts; choose another output`,
    );
  }
  await refuseDatasetPart(output, folder);
}

/** @throws {FileError} if a folder for results is that of a dataset's images or labels */
export async function refuseDatasetPart(output: string, folder: string): Promise<void> {
  const part = basename(resolve(folder));
  if (!datasetParts.includes(part) || !(await exists(join(folder, "..", "dataset.json")))) return;
  const where = `lies in ${part} of a dataset`;
  throw new FileError(
    output,
    `${where}, whose images and labels are never mixed with predictions; choose another output`,
  );
}

const datasetParts = ["imagesTr", "labelsTr", "imagesTs", "labelsTs"];

/** The real path of a file or folder, of which the last parts need not be there yet. */
async function nearest(path: string): Promise<string> {
  const whole = resolve(path);
  return realpath(whole).catch(async () =>
    dirname(whole) === whole ? whole : join(await nearest(dirname(whole)), basename(whole)),
  );
}

/**
 * Writes what says how the segmentations of a folder are to be read, `plans.json`, then `dataset.json`, and what was done
 * to them at the end, `postprocessing.json`.
 *
 * @throws {FileError} if one of the first two is there and is not what is to be written, or the last is there and not
 *   ours; no option allows to replace it
 */
export async function describePredictions(
  folder: string,
  { metadata: { dataset, plans }, postprocessing }: Pick<LoadedPredictor, "metadata" | "postprocessing">,
): Promise<void> {
  const files = [
    { path: join(folder, "plans.json"), json: plansToJson(plans) },
    { path: join(folder, "dataset.json"), json: modelDatasetToJson(dataset) },
  ] as const;
  const [plansThere, datasetThere] = [await exists(files[0].path), await exists(files[1].path)];
  for (const { path, json } of files) {
    if (!(await exists(path))) continue;
    const onDisk = await readJson(path).catch(() => undefined);
    const same = contentHash(onDisk) === contentHash(JSON.parse(JSON.stringify(json)));
    // Ours come as a pair; a dataset.json alone belongs to a dataset, and so do images beside it.
    if (same && plansThere && !(await exists(join(folder, "imagesTr")))) continue;
    throw new FileError(
      path,
      "belongs to something else than predictions of this model and is never overwritten; choose another output folder",
    );
  }
  await describePostprocessing(folder, postprocessing);
  if (!plansThere) await writeJsonAtomic(files[0].path, files[0].json);
  if (!datasetThere) await writeJsonAtomic(files[1].path, files[1].json);
}

/**
 * Writes `postprocessing.json` beside segmentations, or takes one away that is not theirs. One that is ours may be of
 * another predictor, whose segmentations are replaced.
 *
 * @throws {FileError} if there is one that is not ours
 */
export async function describePostprocessing(
  folder: string,
  postprocessing: LoadedPredictor["postprocessing"],
): Promise<void> {
  const [path, madeFrom] = [join(folder, "postprocessing.json"), join(folder, "made_from.json")];
  const json = postprocessing?.postprocessor.toJson(postprocessing.decided);
  const there = await readJson(path).catch(() => undefined);
  if (json !== undefined && contentHash(there) === contentHash(JSON.parse(JSON.stringify(json)))) return;
  const origin = await originOf(madeFrom, "postprocessing", path);
  if (origin === "edited" || origin === "foreign") {
    const problem = "is not what a prediction wrote there, and never overwritten";
    throw new FileError(path, `${problem}; move it away, or choose another output folder`);
  }
  if (json !== undefined) await writeOwn(madeFrom, "postprocessing", path, json);
  else if (origin === "ours") await rm(path);
}

function isOneOf(ending: string, endings: readonly string[]): boolean {
  return endings.includes(ending.toLowerCase());
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function firstImage(folder: string): Promise<string> {
  const image = (await readdir(folder)).sort().find((name) => imageStem(name) !== undefined);
  return image === undefined ? folder : join(folder, image); // without one it is a DICOM series
}

/** The same for two names of one file; undefined if there is none. */
export async function identity(path: string): Promise<string | undefined> {
  return stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  );
}
