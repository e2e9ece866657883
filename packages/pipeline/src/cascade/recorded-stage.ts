import { FileError, type PreviousStage } from "@nnunet/core";
import type { Fold, modelFolderPaths } from "../folders.ts";
import { readRecord } from "../records/made-from.ts";

/**
 * Which models of the first network the folds of the second were trained with, by their records.
 *
 * @returns undefined if no record says so
 * @throws {FileError} if two folds were trained with different ones: their mean would belong to neither
 */
export async function previousStageOfFolds(
  paths: ReturnType<typeof modelFolderPaths>,
  folds: readonly Fold[],
): Promise<PreviousStage | undefined> {
  let known: { readonly fold: Fold; readonly stage: PreviousStage | undefined } | undefined;
  for (const fold of folds) {
    const { folder, madeFrom } = paths.fold(fold);
    const stage = asStage((await readRecord(madeFrom))["previousStage"]);
    if (known && JSON.stringify(known.stage) !== JSON.stringify(stage)) {
      const first = stage?.configuration ?? known.stage?.configuration;
      const problem = `was trained with another ${first} than fold ${known.fold}; train fold ${known.fold} again, or leave it out`;
      throw new FileError(folder, problem);
    }
    known ??= { fold, stage };
  }
  return known?.stage;
}

function asStage(recorded: unknown): PreviousStage | undefined {
  const { configuration, weightsSha256 } = (recorded ?? {}) as Partial<PreviousStage>;
  if (typeof configuration !== "string" || !Array.isArray(weightsSha256)) return undefined;
  return { configuration, weightsSha256 };
}
