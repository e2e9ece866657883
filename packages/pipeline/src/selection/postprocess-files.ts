import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  counted,
  FileError,
  isJsonObject,
  labelSet,
  type ModelDataset,
  modelDatasetFromJson,
  spatialShape,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import { copyFileAtomic, describeFileError, exists, readJson } from "@nnunet/core/node";
import { imageStem, writeImage } from "@nnunet/io";
import { predictorPaths } from "../folders.ts";
import {
  describePostprocessing,
  identity as fileIdentity,
  isFolder,
  refuseDatasetPart,
} from "../prediction/prediction-output.ts";
import { descriptionFromJson } from "../prediction/predictor-description.ts";
import { refuseOtherFile } from "../prediction/load-predictor-folder.ts";
import { refusePartOfPredictor } from "../prediction/part-of-predictor.ts";
import { contentHash } from "../records/made-from.ts";
import type { DecidedPostprocessing } from "../prediction/decided-postprocessing.ts";
import type { Context } from "../stages.ts";
import { readLabelIds } from "../steps/read-whole-labels.ts";
import { timedStage } from "../steps/timed-stage.ts";

export interface PostprocessOptions extends StageOptions {
  /** Replace segmentations that exist; otherwise they are an error, found before any work. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Applies a postprocessing that was decided before to segmentations.
 *
 * @param input - a segmentation, or a folder of them; left alone
 * @param output - a file for a file, a folder for a folder, which then also gets `postprocessing.json`
 * @param decided - a `postprocessing.json`, or the folder of a final predictor
 * @returns the files written
 * @throws {FileError} if there is nothing to treat, a result exists, the output is the input, the segmentations are postprocessed
 *   already, or the postprocessing is of other labels, or was changed since the predictor was made
 * @throws {InvalidArtifactError} if the file is no postprocessing of the postprocessor stage
 */
export async function postprocessFiles(
  context: Context,
  input: string,
  output: string,
  decided: string,
  { overwrite = false, signal, onEvent }: PostprocessOptions = {},
): Promise<string[]> {
  const postprocessing = await readPostprocessing(context, decided);
  const folder = (await isFolder(input)) ? input : undefined;
  const names = folder === undefined ? [basename(input)] : await segmentationsIn(folder);
  const targets = names.map((name) =>
    folder === undefined ? { from: input, to: output } : { from: join(input, name), to: join(output, name) },
  );
  await refuseDatasetPart(output, folder === undefined ? dirname(output) : output);
  await refuseOthersSegmentations(folder ?? dirname(input), postprocessing);
  for (const { from, to } of targets) {
    const own = await fileIdentity(to);
    if (own === undefined) continue;
    if (own === (await fileIdentity(from)))
      throw new FileError(to, "is the segmentation to be treated; choose another output");
    if (!overwrite) throw new FileError(to, "exists already; add `overwrite` to replace it, or choose another output");
  }
  const { postprocessor, decided: data } = postprocessing;
  const total = targets.length;
  return timedStage(
    "postprocess",
    { total, detail: counted(total, "segmentation") },
    { ...(onEvent && { onEvent }) },
    async () => {
      if (folder !== undefined) {
        await describePostprocessing(output, postprocessing);
        for (const name of ["dataset.json", "plans.json"]) {
          const [from, to] = [join(input, name), join(output, name)];
          if ((await exists(from)) && !(await exists(to))) await copyFileAtomic(from, to);
        }
      }
      for (const [done, { from, to }] of targets.entries()) {
        throwIfCancelled(signal, "postprocessing");
        const segmentation = await readLabelIds(from);
        const treated = postprocessor.apply(segmentation.data, spatialShape(segmentation), data);
        await writeImage(to, { ...segmentation, data: treated }, { overwrite });
        onEvent?.({ type: "progress", stage: "postprocess", done: done + 1, total, item: basename(from) });
      }
      return { result: targets.map(({ to }) => to) };
    },
  );
}

interface ReadPostprocessing extends DecidedPostprocessing {
  readonly path: string;
  /** Of the predictor that it belongs to, where it is there. */
  readonly dataset?: ModelDataset;
}

/** A file by itself belongs to whatever it is applied to; in a predictor it must be the one that was decided for that. */
async function readPostprocessing({ stages: { postprocessor } }: Context, path: string): Promise<ReadPostprocessing> {
  const paths = predictorPaths(path);
  if (!(await isFolder(path)))
    return { postprocessor, decided: postprocessor.fromJson(await readJson(path), path), path };
  const file = paths.postprocessing;
  if (!(await exists(paths.description))) {
    await refusePartOfPredictor(path);
    throw new FileError(
      path,
      "is no final predictor, so that nothing says whose postprocessing lies in it; name the file postprocessing.json itself if it is meant",
    );
  }
  const description = descriptionFromJson(await readJson(paths.description), paths.description);
  if (description.postprocessor === null) {
    throw new FileError(path, "is a predictor that was not validated, so no postprocessing was decided for it");
  }
  if (description.postprocessor !== postprocessor.name) {
    const problem = `its postprocessing was decided by the stage ${description.postprocessor}, and this pipeline has ${postprocessor.name}`;
    throw new FileError(file, problem);
  }
  await refuseOtherFile(file, description, paths.description);
  await refuseOtherFile(paths.dataset, description, paths.description);
  const decided = postprocessor.fromJson(await readJson(file), file);
  const dataset = modelDatasetFromJson(await readJson(paths.dataset), paths.dataset);
  return { postprocessor, decided, path: file, dataset };
}

/**
 * What is treated must be what the postprocessing is for, as far as the folder says what it holds.
 *
 * @param folder - of the segmentations
 */
async function refuseOthersSegmentations(
  folder: string,
  { postprocessor, decided, path, dataset }: ReadPostprocessing,
): Promise<void> {
  const done = join(folder, "postprocessing.json");
  if ((await exists(done)) && (await fileIdentity(done)) !== (await fileIdentity(path))) {
    throw new FileError(
      done,
      "says that the segmentations beside it are postprocessed already; take those before it, or move this file away if it is not about them",
    );
  }
  const described = join(folder, "dataset.json");
  if (!(await exists(described))) return;
  const own = labelSet(modelDatasetFromJson(await readJson(described), described));
  const theirs = dataset && labelSet(dataset);
  if (theirs && contentHash(theirs) !== contentHash(own)) {
    throw new FileError(
      path,
      `was decided for other labels than ${described} has; take the postprocessing of that dataset`,
    );
  }
  const json = postprocessor.toJson(decided);
  const classes =
    isJsonObject(json) && Array.isArray(json["for_which_classes"]) ? json["for_which_classes"].flat() : [];
  const unknown = classes.find((label) => !own.allowed.includes(label as number));
  if (unknown === undefined) return;
  throw new FileError(
    path,
    `treats label ${String(unknown)}, which ${described} does not have (${own.allowed.join(", ")}); take the postprocessing of that dataset`,
  );
}

async function segmentationsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error) => {
    throw describeFileError(folder, "could not be read", error);
  });
  const found = names.filter((name) => {
    const stem = imageStem(name);
    return stem !== undefined && !stem.endsWith("_probabilities");
  });
  if (found.length === 0) throw new FileError(folder, "no segmentation in it; expected files such as case_001.nii.gz");
  return found.sort();
}
