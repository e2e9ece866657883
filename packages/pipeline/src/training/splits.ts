import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError, type RawDataset, type Splits } from "@nnunet/core";
import { readJson, writeFileAtomic, writeJsonAtomic } from "@nnunet/core/node";
import { crossValidationSplits, splitOfFold, splitsFromJson } from "@nnunet/evaluate";
import { type Fold, type Folders, preprocessedPaths } from "../folders.ts";
import { exists } from "../records/made-from.ts";

/**
 * The training and validation cases of a fold, by `splits_final.json` of the preprocessed folder. Users may write that
 * file themselves; where it is missing it is copied from the raw dataset, or made as nnU-Net makes it. Fold "all"
 * needs no splits.
 *
 * @throws {FileError} if there are too few cases for five folds, or to divide them once more for a fold beyond the file
 * @throws {InvalidArtifactError} if the file names unknown cases or mixes training and validation
 */
export async function casesOfFold(folders: Folders, dataset: RawDataset, fold: Fold): Promise<Splits[number]> {
  const ids = dataset.trainingCases.map((files) => files.id);
  if (fold === "all") return splitOfFold([], ids, "all");
  const path = preprocessedPaths(folders, dataset.name).splits;
  if (!(await exists(path))) {
    const own = join(dataset.folder, "splits_final.json");
    if (await exists(own)) await writeFileAtomic(path, await readFile(own));
    else {
      if (ids.length < 5) {
        throw new FileError(
          dataset.folder,
          `${dataset.name} has ${ids.length} training ${ids.length === 1 ? "case" : "cases"}, and the five folds of a cross-validation need at least 5; train fold "all", or add cases`,
        );
      }
      await writeJsonAtomic(path, crossValidationSplits(ids));
    }
  }
  const splits = splitsFromJson(await readJson(path), path, ids);
  const split = splitOfFold(splits, ids, fold);
  if (split.train.length === 0 || split.val.length === 0) {
    throw new FileError(
      path,
      `lists ${splits.length} folds, and the ${ids.length} training cases of ${dataset.name} are too few to divide for a fold ${fold}; train fold "all", or add cases`,
    );
  }
  return split;
}
