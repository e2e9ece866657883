import { rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  type DatasetJson,
  datasetToJson,
  FileError,
  InvalidArgumentError,
  pathSegmentProblem,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import {
  describeFileError,
  exists,
  makeFolder,
  pathBelow,
  temporaryBeside,
  whileLocked,
  writeJsonAtomic,
} from "@nnunet/core/node";
import { visibleFiles } from "../files/folder-contents.ts";
import { idOf } from "./find-dataset.ts";

/**
 * Makes a dataset folder that appears under its name only when it is complete: it is filled under a hidden name beside
 * the target, and removed if anything fails.
 *
 * @param target - must not exist
 * @param total - number of cases, for progress
 * @param fill - writes the files into the folder it is given, calls `step` before each case, returns dataset.json
 */
export async function makeDatasetFolder(
  target: string,
  total: number,
  stage: string,
  options: StageOptions,
  fill: (folder: string, step: (caseId: string) => void) => Promise<DatasetJson>,
): Promise<void> {
  const number = /^Dataset\d+(?=_)/.exec(basename(target))?.[0] ?? basename(target);
  await whileLocked(join(dirname(target), number), `making ${basename(target)}`, () =>
    fillDatasetFolder(target, total, stage, options, fill),
  );
}

async function fillDatasetFolder(
  target: string,
  total: number,
  stage: string,
  options: StageOptions,
  fill: (folder: string, step: (caseId: string) => void) => Promise<DatasetJson>,
): Promise<void> {
  const started = Date.now();
  if (await exists(target)) throw new FileError(target, "it is already there and is not overwritten; remove it first");
  options.onEvent?.({ type: "stage-start", stage, total, detail: basename(target) });
  const temporary = temporaryBeside(target, { hidden: true });
  let done = 0;
  let current: string | undefined;
  const report = () => {
    if (current !== undefined) options.onEvent?.({ type: "progress", stage, done: ++done, total, item: current });
  };
  try {
    await makeFolder(temporary);
    const json = await fill(temporary, (caseId) => {
      report();
      throwIfCancelled(options.signal, `${stage} ${basename(target)}`);
      current = caseId;
    });
    report();
    await writeJsonAtomic(join(temporary, "dataset.json"), datasetToJson(json));
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw describeFileError(target, "could not be written", error);
  }
  options.onEvent?.({ type: "stage-end", stage, seconds: (Date.now() - started) / 1000, detail: target });
}

/**
 * The folder of a new dataset.
 *
 * @throws {InvalidArgumentError} if the number is missing or not from 1 to 999
 * @throws {FileError} if a dataset of that number is already there
 */
export async function newDatasetFolder(rawRoot: string, id: number | undefined, name: string): Promise<string> {
  if (id === undefined) {
    throw new InvalidArgumentError("datasetId", "a number, because the folder is not called TaskNN_Name", id);
  }
  if (!(Number.isInteger(id) && id >= 1 && id <= 999)) {
    throw new InvalidArgumentError("datasetId", "a whole number from 1 to 999", id);
  }
  const same = (await visibleFiles(rawRoot)).find((other) => idOf(other) === id);
  if (same !== undefined) {
    throw new FileError(
      join(resolve(rawRoot), same),
      "this dataset is already there and is not overwritten; remove it first, or choose another number as `datasetId`",
    );
  }
  const folderName = `Dataset${String(id).padStart(3, "0")}_${name.replace(/[^\w.-]+/g, "_")}`;
  const problem = pathSegmentProblem(folderName);
  if (problem !== undefined) throw new InvalidArgumentError("name", problem.replace("expected ", ""), name);
  return pathBelow(resolve(rawRoot), folderName);
}
