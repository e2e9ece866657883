import type { PreprocessedCaseReader } from "@nnunet/core";
import { openPreprocessedCase } from "@nnunet/preprocess";

/** Opens preprocessed cases; their voxels stay on disk until a patch is read. */
export async function openCases(folder: string, ids: readonly string[]): Promise<PreprocessedCaseReader[]> {
  const cases: PreprocessedCaseReader[] = [];
  for (const id of ids) cases.push(await openPreprocessedCase(folder, id));
  return cases;
}
