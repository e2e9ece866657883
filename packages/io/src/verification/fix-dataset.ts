import { copyFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError, type StageOptions, UnsupportedError } from "@nnunet/core";
import { exists, makeFolder } from "@nnunet/core/node";
import { commonEnding, isEndingWrong, readDatasetJson } from "../dataset/dataset-folder.ts";
import { visibleFiles } from "../files/folder-contents.ts";
import { readImage, writeImage } from "../image-file.ts";
import { makeDatasetFolder } from "../dataset/new-dataset.ts";
import type { DatasetProblem, VerificationReport } from "./verification-report.ts";
import { verifyDataset } from "./verify-dataset.ts";

/** A problem that is no more, in the new folder. */
export interface FixedProblem extends DatasetProblem {
  /** What was done about it, one phrase. */
  readonly done: string;
}

export interface FixResult {
  /** What was put right. */
  readonly fixed: readonly FixedProblem[];
  /** What is left, in the new folder; in the old one if nothing could be fixed. */
  readonly report: VerificationReport;
}

/**
 * Copies a dataset into a new folder, putting right what can be put right without losing anything:
 *
 *  - `numTraining` becomes the number of cases;
 *  - a `file_ending` that no image has becomes the one that they have;
 *  - files that belong to no case, and hidden ones, are not copied;
 *  - an origin or direction that differs from that of the case's first image by rounding (at most 0.001) takes over the
 *    image's. Voxels are never changed.
 *
 * Everything else is copied as it is and stays in the report. If nothing can be fixed, no folder is made.
 *
 * @param target - the new folder, `…/DatasetNNN_Name`; must not exist
 * @throws {FileError} if the target is not called so or exists, found before anything is read, or cannot be written
 * @throws {UnsupportedError} for datasets with explicit paths, whose files lie elsewhere
 */
export async function fixDataset(folder: string, target: string, options: StageOptions = {}): Promise<FixResult> {
  const root = resolve(folder);
  if (!/^Dataset\d{3,}_.+$/.test(basename(resolve(target)))) {
    throw new FileError(target, "the new folder must be called DatasetNNN_Name, such as Dataset014_Hippocampus");
  }
  if (await exists(target)) throw new FileError(target, "it is already there and is not overwritten; remove it first");
  const before = await verifyDataset(root, options);
  const fixed = before.problems
    .filter(({ fixable }) => fixable)
    .map((problem) => ({ ...problem, done: whatIsDone(problem) }));
  if (fixed.length === 0) return { fixed, report: before };
  const stated = await readDatasetJson(root);
  const images = join(root, "imagesTr");
  const wrongEnding = await isEndingWrong(images, stated.fileEnding);
  const json = wrongEnding ? { ...stated, fileEnding: await commonEnding(images) } : stated;
  if (json.dataset)
    throw new UnsupportedError(`fixing a dataset with explicit paths (${root})`, "correct the files by hand");
  const skipped = new Set(fixed.filter(({ kind }) => kind === "extra-file").map(({ file }) => file));
  const moved = new Set(fixed.filter(({ kind }) => kind === "origin" || kind === "direction").map(({ file }) => file));
  const files: string[] = [];
  for (const part of ["imagesTr", "labelsTr", "imagesTs"]) {
    for (const name of await visibleFiles(join(root, part))) files.push(join(part, name));
  }
  const kept = files.filter((file) => !skipped.has(file));
  await makeDatasetFolder(resolve(target), kept.length, "fix", options, async (made, step) => {
    for (const file of kept) {
      step(file);
      await makeFolder(dirname(join(made, file)));
      const problem = fixed.find((p) => p.file === file && moved.has(file));
      if (!problem) {
        await copyFile(join(root, file), join(made, file));
        continue;
      }
      const { geometry } = await readImage(join(root, firstImageOf(kept, problem.case, json.fileEnding)));
      await writeImage(join(made, file), { ...(await readImage(join(root, file))), geometry });
    }
    return { ...json, numTraining: before.trainingCases };
  });
  return { fixed, report: await verifyDataset(target, options) };
}

function whatIsDone({ kind }: DatasetProblem): string {
  if (kind === "case-count") return "numTraining set to the number of cases";
  if (kind === "dataset-json") return "file_ending set to that of the files";
  if (kind === "extra-file") return "not copied";
  return `${kind} of the case's first image written`;
}

function firstImageOf(files: readonly string[], caseId: string, ending: string): string {
  return (
    files.find((file) => file === join("imagesTr", `${caseId}_0000${ending}`)) ??
    join("imagesTs", `${caseId}_0000${ending}`)
  );
}
