import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InvalidArgumentError, type RawDataset, type Splits } from "@nnunet/core";
import { readJson, writeFileAtomic, writeJsonAtomic } from "@nnunet/core/node";
import { crossValidationSplits, splitOfFold, splitsFromJson } from "@nnunet/evaluate";
import { type Fold, type Folders, preprocessedPaths } from "./folders.ts";
import { exists } from "./made-from.ts";

/**
 * The training and validation cases of a fold, by `splits_final.json` of the preprocessed folder. Users may write that
 * file themselves; where it is missing it is copied from the raw dataset, or made as nnU-Net makes it. Fold "all"
 * needs no splits.
 *
 * @throws {InvalidArgumentError} if there are too few cases for five folds
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
        throw new InvalidArgumentError(
          "fold",
          `"all", because ${dataset.name} has ${ids.length} training cases and cross-validation needs 5`,
          fold,
        );
      }
      await writeJsonAtomic(path, crossValidationSplits(ids));
    }
  }
  return splitOfFold(splitsFromJson(await readJson(path), path, ids), ids, fold);
}
