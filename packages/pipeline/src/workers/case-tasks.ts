import type { CaseFiles, DatasetJson, FingerprintExtractor, Plans, Preprocessor } from "@nnunet/core";
import { labelSet } from "@nnunet/core";
import { callingFilesAsWritten, imageFiles, readCase } from "@nnunet/io";
import {
  checkPreprocessed,
  defaultPreprocessor,
  hashFiles,
  preprocessedHash,
  storedHash,
  writePreprocessedCase,
} from "@nnunet/preprocess";
import { contentHash } from "../records/made-from.ts";
import { imageHash } from "../steps/identical-images.ts";
import { identity } from "../stages.ts";

/*
 * The work on one case, by the stage given: in worker threads, or in the main thread where the stage is a function that
 * cannot travel to another.
 */

/** SHA-256 of the bytes of all files of a case, the voxel files of detached headers with them. */
export async function hashCase(files: CaseFiles): Promise<string> {
  const images = [...files.images, ...(files.label === undefined ? [] : [files.label])];
  return callingFilesAsWritten(files, async () => hashFiles((await Promise.all(images.map(imageFiles))).flat()));
}

export interface MeasureTask {
  readonly files: CaseFiles;
  readonly dataset: DatasetJson;
}

export interface Measured<M> {
  readonly id: string;
  readonly measurement: M;
  /** Of {@link imageHash}. */
  readonly image: string;
}

export async function measureCaseFiles<M>(
  extractor: FingerprintExtractor<M>,
  { files, dataset }: MeasureTask,
): Promise<Measured<M>> {
  const loaded = await readCase(files, dataset);
  const image = imageHash(loaded.image); // before an extractor of one's own may change it
  return { id: files.id, measurement: await extractor.measureCase(loaded, dataset), image };
}

export interface PreprocessTask {
  readonly files: CaseFiles;
  readonly dataset: DatasetJson;
  readonly plans: Plans;
  readonly configuration: string;
  /** Where preprocessed cases of this configuration lie. */
  readonly folder: string;
  /** Of {@link hashCase}, where it is known already. */
  readonly inputHash?: string | undefined;
}

/**
 * Preprocesses one case, unless a stored one was made from the same bytes, labels, plan and preprocessor.
 *
 * @returns whether it was made now, and the hash of what it is made from
 */
export async function preprocessCaseFiles(
  preprocessor: Preprocessor,
  task: PreprocessTask,
): Promise<{ made: boolean; hash: string }> {
  const { files, dataset, plans, configuration, folder } = task;
  const hash = await caseHash(preprocessor, task);
  if ((await storedHash(folder, files.id, { everyVoxel: true })) === hash) return { made: false, hash };
  const loaded = await readCase(files, dataset);
  const made = preprocessor.preprocessCase(loaded, plans, configuration, dataset);
  if (preprocessor !== defaultPreprocessor) {
    const from = { id: files.id, channels: dataset.channelNames.length, labelled: loaded.label !== undefined, dataset };
    checkPreprocessed(made, from, preprocessor.name);
  }
  await writePreprocessedCase(folder, made, hash);
  return { made: true, hash };
}

/** Whether a stored case was made from the same; its voxels are not read for it. */
export async function isPreprocessed(preprocessor: Preprocessor, task: PreprocessTask): Promise<boolean> {
  return (await storedHash(task.folder, task.files.id)) === (await caseHash(preprocessor, task));
}

/** Of everything that a preprocessed case is made from. */
async function caseHash(
  preprocessor: Preprocessor,
  { files, dataset, plans, configuration, inputHash }: PreprocessTask,
): Promise<string> {
  const inputs = contentHash([
    inputHash ?? (await hashCase(files)),
    labelSet(dataset),
    dataset.channelNames,
    identity(preprocessor),
  ]);
  return preprocessedHash(inputs, plans, configuration);
}
