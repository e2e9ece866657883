import { dirname, join } from "node:path";
import {
  checkPathSegment,
  counted,
  FileError,
  ImageFileError,
  type LabelSet,
  labelSet,
  type ModelDataset,
  modelDatasetFromJson,
  modelDatasetToJson,
  ShapeMismatchError,
  spatialShape,
  type StageOptions,
  throwIfCancelled,
  type VolumeShape,
} from "@nnunet/core";
import { exists, pathBelow, readJson, writeJsonAtomic } from "@nnunet/core/node";
import { meanChannels, segmentationFromMean } from "@nnunet/inference";
import { placementDifference, writableEndings, writeImage } from "@nnunet/io";
import { type ProbabilityReader, writeProbabilities } from "@nnunet/preprocess";
import { contentHash } from "../records/made-from.ts";
import { ofEarlierPrediction, probabilityStoreIn } from "../prediction/earlier-probabilities.ts";
import {
  describePostprocessing,
  identity as fileIdentity,
  refuseDatasetPart,
} from "../prediction/prediction-output.ts";
import { timedStage } from "../steps/timed-stage.ts";
import { groupedCases, type CaseGroup } from "./stored-cases.ts";

export interface EnsembleOptions extends StageOptions {
  /** Says what the channels mean; by default the `dataset.json` of the first folder or above it. */
  readonly dataset?: ModelDataset | undefined;
  /** A regular expression with one group: cases that agree in it are images of one patient, and give one segmentation. */
  readonly groupBy?: string | undefined;
  /** Also keep the mean, compressed, in `probabilities` of the output. */
  readonly probabilities?: boolean | undefined;
  /** Replace segmentations that exist; otherwise they are an error, found before any work. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Averages stored probabilities of several folders, voxel by voxel, and decides by classes, or by regions where the dataset
 * has them. Memory is a few blocks, however many folders and classes there are (probabilities that were saved as images
 * are read as a whole).
 *
 * @param inputs - folders with `CASE.zarr`, `probabilities/CASE.zarr` or `CASE_probabilities.nii.gz`
 * @param output - folder that gets one segmentation per case or group, and `dataset.json`
 * @returns the segmentations written
 * @throws {FileError} if a folder lacks a case, the output is an input, a result exists, or nothing says what the channels mean
 * @throws {ShapeMismatchError} if probabilities of one case differ in shape, or have other channels than the dataset
 * @throws {ImageFileError} if they lie elsewhere in space
 */
export async function ensembleFolders(
  inputs: readonly string[],
  output: string,
  { dataset: given, groupBy, probabilities = false, overwrite = false, signal, onEvent }: EnsembleOptions = {},
): Promise<string[]> {
  const dataset = given ?? (await datasetOf(inputs[0]!));
  const labels = labelSet(dataset);
  const groups = await groupedCases(inputs, groupBy);
  await refuseInput(inputs, output);
  await refuseDatasetPart(output, output);
  let flat = true;
  for (const group of groups) if ((await refuseOtherGrids(group, labels))[1] > 1) flat = false;
  const ending = endingFor(dataset, flat);
  const target = ({ id }: CaseGroup) => pathBelow(output, `${checkPathSegment(id, output, "groupBy")}${ending}`);
  for (const group of groups) {
    if (!overwrite && (await exists(target(group)))) {
      throw new FileError(target(group), "exists already; add `overwrite` to replace it, or choose another output");
    }
    const kept = join(probabilityStoreIn(output), `${group.id}.zarr`);
    if (!probabilities && (await exists(kept))) throw ofEarlierPrediction(kept, "`probabilities`");
  }
  await describe(output, dataset);
  await describePostprocessing(output, undefined);
  const written: string[] = [];
  const total = groups.length;
  const detail = `${counted(total, "case")}, ${counted(inputs.length, "folder")}`;
  return timedStage("ensemble", { total, detail }, { ...(onEvent && { onEvent }) }, async () => {
    for (const group of groups) {
      throwIfCancelled(signal, "ensembling");
      const volumes: ProbabilityReader[] = [];
      for (const member of group.members) volumes.push(await member.open());
      const how = signal ? { signal } : {};
      const segmentation = await segmentationFromMean(volumes, labels, how);
      if (probabilities) {
        const made = contentHash(volumes.map(({ contentHash: hash }) => hash));
        const header = { shape: volumes[0]!.shape, geometry: volumes[0]!.geometry, contentHash: made };
        await writeProbabilities(probabilityStoreIn(output), group.id, header, async (write) => {
          for await (const channel of meanChannels(volumes, how)) await write(channel);
        });
      }
      await writeImage(target(group), segmentation, { overwrite });
      written.push(target(group));
      onEvent?.({ type: "progress", stage: "ensemble", done: written.length, total, item: group.id });
    }
    return { result: written };
  });
}

/** Averaged voxel by voxel, so all of a group must have the dataset's channels, and their voxels at the same places. */
async function refuseOtherGrids({ members }: CaseGroup, labels: LabelSet): Promise<VolumeShape> {
  const first = await members[0]!.describe();
  const expected: VolumeShape = [labels.outputChannels, ...spatialShape(first)];
  for (const { path, describe } of members) {
    const { shape, geometry } = await describe();
    if (shape.join() !== expected.join()) {
      throw new ShapeMismatchError(
        path,
        expected,
        shape,
        "one channel per class or region of the dataset, on one grid",
      );
    }
    const apart = placementDifference(first.geometry, geometry);
    if (!apart) continue;
    const problem = `[${apart.second}] here, [${apart.first}] in ${members[0]!.path}`;
    const remedy = "only probabilities on one grid can be averaged: resample or register the images first";
    throw new ImageFileError(path, apart.field, `${problem}; ${remedy}`);
  }
  return expected;
}

/** Beside the predictions, or of the model folder in whose `fold_0/validation` they lie. */
async function datasetOf(folder: string): Promise<ModelDataset> {
  const places = [folder, dirname(folder), dirname(dirname(folder)), dirname(dirname(dirname(folder)))];
  for (const place of places) {
    const path = join(place, "dataset.json");
    if (await exists(path)) return modelDatasetFromJson(await readJson(path), path);
  }
  throw new FileError(
    folder,
    "no dataset.json in it or above it, which says what the channels mean; name one by `datasetJson`",
  );
}

async function refuseInput(inputs: readonly string[], output: string): Promise<void> {
  const own = await fileIdentity(output);
  for (const input of inputs) {
    if (own === undefined || own !== (await fileIdentity(input))) continue;
    throw new FileError(output, "is one of the folders to be averaged; choose another output");
  }
}

async function describe(output: string, dataset: ModelDataset): Promise<void> {
  const path = join(output, "dataset.json");
  const json = modelDatasetToJson(dataset);
  if (!(await exists(path))) return writeJsonAtomic(path, json);
  const there = await readJson(path).catch(() => undefined);
  if (contentHash(there) === contentHash(JSON.parse(JSON.stringify(json)))) return undefined;
  throw new FileError(path, "belongs to something else and is never overwritten; choose another output folder");
}

/** The dataset's ending where it can hold the cases, `.nii.gz` otherwise. */
function endingFor({ fileEnding }: ModelDataset, flat: boolean): string {
  return writableEndings(flat ? undefined : 2).includes(fileEnding.toLowerCase()) ? fileEnding : ".nii.gz";
}
