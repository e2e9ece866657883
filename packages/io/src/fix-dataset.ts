import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type StageOptions, UnsupportedError } from "@nnunet/core";
import { readDatasetJson, visibleFiles } from "./dataset-folder.ts";
import { readImage, writeImage } from "./image-file.ts";
import { makeDatasetFolder } from "./new-dataset.ts";
import type { DatasetProblem, VerificationReport } from "./verification-report.ts";
import { verifyDataset } from "./verify-dataset.ts";

export interface FixResult {
  /** What was put right. */
  readonly fixed: readonly DatasetProblem[];
  /** What is left, in the new folder; in the old one if nothing could be fixed. */
  readonly report: VerificationReport;
}

/**
 * Copies a dataset into a new folder, putting right what can be put right without losing anything:
 *
 *  - `numTraining` becomes the number of cases;
 *  - files that belong to no case, and hidden ones, are not copied;
 *  - an origin or direction that differs from that of the case's first image by rounding (at most 0.001) takes over the
 *    image's. Voxels are never changed.
 *
 * Everything else is copied as it is and stays in the report. If nothing can be fixed, no folder is made.
 *
 * @param target - the new folder, `…/DatasetNNN_Name`; must not exist
 * @throws {FileError} if the target exists or cannot be written
 * @throws {UnsupportedError} for datasets with explicit paths, whose files lie elsewhere
 */
export async function fixDataset(folder: string, target: string, options: StageOptions = {}): Promise<FixResult> {
  const root = resolve(folder);
  const before = await verifyDataset(root, options);
  const fixed = before.problems.filter(({ fixable }) => fixable);
  if (fixed.length === 0) return { fixed, report: before };
  const json = await readDatasetJson(root);
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
      await mkdir(dirname(join(made, file)), { recursive: true });
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

function firstImageOf(files: readonly string[], caseId: string, ending: string): string {
  return (
    files.find((file) => file === join("imagesTr", `${caseId}_0000${ending}`)) ??
    join("imagesTs", `${caseId}_0000${ending}`)
  );
}
