import { basename, dirname, join, resolve } from "node:path";
import { FileError, type StageOptions, UnsupportedError } from "@nnunet/core";
import { exists, makeFolder } from "@nnunet/core/node";
import { commonEnding, isEndingWrong, readDatasetJson } from "../dataset/dataset-folder.ts";
import { visibleFiles } from "../files/folder-contents.ts";
import { copyImage, requireInside } from "../dataset/copy-image.ts";
import { imageFolder } from "../dataset/image-folder.ts";
import { copyOrdinaryFile } from "../files/copy-file.ts";
import { readImage, readImageInfo, writeImage } from "../image-file.ts";
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
 *  - a file whose bytes are compressed otherwise than its name says is packed or unpacked;
 *  - an origin or direction that differs from that of the case's first image by rounding (at most 0.001) takes over the
 *    image's. Voxels are never changed.
 *
 * Everything else is copied as it is, images with all their files, and stays in the report. If nothing can be fixed, no folder is made.
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
  const broken = new Set(before.problems.filter(({ kind }) => kind === "unreadable").map(({ file }) => file));
  const kept: KeptFile[] = [];
  for (const part of ["imagesTr", "labelsTr", "imagesTs"]) {
    const { images: found, companions } = await imageFolder(join(root, part), json.fileEnding);
    for (const name of await visibleFiles(join(root, part))) {
      const file = join(part, name);
      if (skipped.has(file)) continue;
      // Files of an image that can be read are copied with it.
      if (found.includes(name)) kept.push({ file, part, isImage: !broken.has(file) });
      else if (!companions.has(name) || belongsToBroken(file, broken)) kept.push({ file, part, isImage: false });
    }
  }
  await makeDatasetFolder(resolve(target), kept.length, "fix", options, async (made, step) => {
    for (const { file, part, isImage } of kept) {
      step(file);
      const [from, to] = [join(root, file), join(made, file)];
      await makeFolder(dirname(to));
      const names = { isChannel: part !== "labelsTr", isLabel: part === "labelsTr" };
      const problem = fixed.find((p) => p.file === file && moved.has(file));
      const first = problem && join(root, firstImageOf(problem.case, file, json.fileEnding));
      if (first !== undefined && (await exists(first))) {
        await requireInside(root, from);
        const { geometry } = await readImageInfo(first);
        await writeImage(to, { ...(await readImage(from)), geometry }, names);
      } else if (isImage) await copyImage(from, to, { ...names, within: root });
      else {
        await requireInside(root, from);
        await copyOrdinaryFile(from, to);
      }
    }
    return { ...json, numTraining: before.trainingCases };
  });
  return { fixed, report: await verifyDataset(target, options) };
}

interface KeptFile {
  /** Relative to the dataset. */
  readonly file: string;
  readonly part: string;
  /** Whether it is an image that can be read; anything else is copied as it is. */
  readonly isImage: boolean;
}

/** Whether a companion's image cannot be read, so that nobody knows where it would have to go. */
function belongsToBroken(companion: string, broken: ReadonlySet<string>): boolean {
  const stem = companion.replace(/\.[^/\\]*$/, "");
  return [...broken].some((file) => file.startsWith(`${stem}.`) || file.startsWith(`${stem}_`));
}

function whatIsDone({ kind, file }: DatasetProblem): string {
  if (kind === "case-count") return "numTraining set to the number of cases";
  if (kind === "dataset-json") return "file_ending set to that of the files";
  if (kind === "extra-file") return "not copied";
  if (kind === "compression") return `${file.endsWith(".gz") ? "compressed" : "decompressed"}, as its name says`;
  return `${kind} of the case's first image written`;
}

/** The first channel of the case that a file belongs to, in imagesTr, or in imagesTs for a test image. */
function firstImageOf(caseId: string, file: string, ending: string): string {
  return join(file.startsWith("imagesTs") ? "imagesTs" : "imagesTr", `${caseId}_0000${ending}`);
}
