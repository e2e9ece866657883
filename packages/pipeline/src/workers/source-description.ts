import type { AugmentationParameters, BatchSourceOptions } from "@nnunet/augment";
import { type BatchSampler, type BatchSource, InvalidArgumentError, type PreprocessedCaseReader } from "@nnunet/core";
import { openPreprocessedCase } from "@nnunet/preprocess";

/** One source of batches as plain data, so that it can travel to a worker. */
export type SourceDescription = Omit<BatchSourceOptions, "cases" | "previousSegmentations"> & {
  readonly caseIds: readonly string[];
  /** In a cascade: where the label map of each case by the first network lies, in the order of `caseIds`. */
  readonly previousFolders?: readonly string[];
};

/**
 * Opens the cases of a source; their voxels stay on disk until a patch is read.
 *
 * @throws {InvalidArgumentError} if what a sampler of one's own makes is no source
 */
export async function openSource(
  sampler: BatchSampler<AugmentationParameters>,
  casesFolder: string,
  { caseIds, previousFolders, ...options }: SourceDescription,
): Promise<BatchSource> {
  const open = async (folders: readonly string[]) => {
    const cases: PreprocessedCaseReader[] = [];
    for (const [i, id] of caseIds.entries()) cases.push(await openPreprocessedCase(folders[i]!, id));
    return cases;
  };
  const cases = await open(caseIds.map(() => casesFolder));
  const previous = previousFolders && { previousSegmentations: await open(previousFolders) };
  const source: Partial<BatchSource> | undefined = await sampler.createBatchSource({ ...options, cases, ...previous });
  if (typeof source?.batch !== "function" || typeof source.close !== "function") {
    const expected = "createBatchSource() that returns a source, an object with the functions batch and close";
    throw new InvalidArgumentError(`batchSampler ${sampler.name}`, expected, source);
  }
  return source as BatchSource;
}
