import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import {
  type CaseFiles,
  modelDatasetToJson,
  type ModelDataset,
  FileError,
  type ModelMetadata,
  plansToJson,
  type StageOptions,
  UnsupportedError,
} from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { imageStem, readImageInfo, writableEndings } from "@nnunet/io";
import { contentHash, exists } from "../records/made-from.ts";

/**
 * Whether predictions go into one file, named by `output`, or into a folder of that name. Reads no more than the
 * header of the input, so that an impossible output is known before a model is loaded.
 *
 * @throws {UnsupportedError} if the output cannot be written: an ending that is no format of ours, JPEG, or several
 *   slices in a format of one
 */
export async function namesOneFile(input: string, output: string): Promise<boolean> {
  if (/[/\\]$/.test(output) || (await isFolder(output))) return false;
  const fromFile = !(await isFolder(input));
  const stem = imageStem(output);
  if (stem === undefined && (extname(output) === "" || !fromFile)) return false;
  const ending = basename(output).slice(stem?.length ?? -extname(output).length);
  const known = writableEndings().join(" ");
  if (!isOneOf(ending, writableEndings())) {
    const folder = stem === undefined ? `, or ${output}/ for a folder` : "";
    throw new UnsupportedError(`writing ${output} (${ending})`, `use one of ${known}${folder}`);
  }
  if (!isOneOf(ending, writableEndings(2)) && (await exists(input))) {
    const image = fromFile ? input : await firstImage(input);
    const [, slices] = (await readImageInfo(image)).shape;
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
  { onEvent }: StageOptions,
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
    const [, slices] = (await readImageInfo(images[0]!)).shape;
    if (slices > 1) return instead(`${images[0]} has ${slices} slices, which ${fileEnding} cannot hold`);
  }
  return fileEnding;
}

/** The file of a segmentation's probabilities, beside it. */
export function probabilitiesPath(segmentation: string): string {
  return join(dirname(segmentation), `${imageStem(segmentation)}_probabilities.nii.gz`);
}

/** @throws {FileError} if an output is one of the input files, by whatever name; no option allows that */
export async function refuseInputsAsOutputs(cases: readonly CaseFiles[], outputs: readonly string[]): Promise<void> {
  const inputs = new Map<string, string>();
  for (const path of cases.flatMap(({ images }) => images)) inputs.set((await identity(path)) ?? path, path);
  for (const output of outputs) {
    const input = inputs.get((await identity(output)) ?? output);
    if (input === undefined) continue;
    const same = input === output ? "is" : `is the same file as ${input},`;
    throw new FileError(output, `${same} an image to be segmented, and never overwritten; choose another output`);
  }
}

/**
 * Writes what says how the segmentations of a folder are to be read: `plans.json`, then `dataset.json`.
 *
 * @throws {FileError} if one of them is there and is not what is to be written; no option allows to replace it
 */
export async function describePredictions(folder: string, { dataset, plans }: ModelMetadata): Promise<void> {
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
  if (!plansThere) await writeJsonAtomic(files[0].path, files[0].json);
  if (!datasetThere) await writeJsonAtomic(files[1].path, files[1].json);
}

function isOneOf(ending: string, endings: readonly string[]): boolean {
  return endings.includes(ending.toLowerCase());
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function firstImage(folder: string): Promise<string> {
  const image = (await readdir(folder)).sort().find((name) => imageStem(name) !== undefined);
  return image === undefined ? folder : join(folder, image); // without one it is a DICOM series
}

/** The same for two names of one file. */
async function identity(path: string): Promise<string | undefined> {
  return stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  );
}
