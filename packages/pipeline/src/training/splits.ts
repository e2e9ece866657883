import { join } from "node:path";
import { FileError, type RawDataset, type Splits } from "@nnunet/core";
import { readJson, readRegularFile, writeFileAtomic, writeJsonAtomic } from "@nnunet/core/node";
import { crossValidationSplits, splitOfFold, splitsFromJson } from "@nnunet/evaluate";
import { type Fold, type Folders, preprocessedPaths } from "../folders.ts";
import { exists } from "../records/made-from.ts";

/** The cases of a fold, and what is to be said of scores on its validation cases, if anything. */
export interface FoldCases {
  readonly split: Splits[number];
  readonly remark?: string;
}

export interface SplitOptions {
  /** Divide the cases at random for a fold that `splits_final.json` does not have; an error by default. */
  readonly randomSplit?: boolean;
}

/**
 * The training and validation cases of a fold, by `splits_final.json` of the preprocessed folder. Users may write that
 * file themselves; where it is missing it is copied from the raw dataset, or made as nnU-Net makes it. Fold "all"
 * needs no splits.
 *
 * @param options.write - keep the splits where there are none yet
 * @param options.randomSplit - divide the cases 80:20 at random for a fold beyond the file, as nnU-Net does unasked; it
 *   mixes what the file keeps apart, the images of a patient, say
 * @throws {FileError} if the file has no such fold, there are too few cases for five folds, or to divide them once more
 * @throws {InvalidArtifactError} if the file names unknown cases or mixes training and validation
 */
export async function casesOfFold(
  folders: Folders,
  dataset: RawDataset,
  fold: Fold,
  { randomSplit = false, write = true }: SplitOptions & { readonly write?: boolean } = {},
): Promise<FoldCases> {
  const ids = dataset.trainingCases.map((files) => files.id);
  if (fold === "all") {
    const remark =
      "These are the cases that fold all was trained on: the scores say nothing about new images, those of a cross-validation do.";
    return { split: splitOfFold([], ids, "all"), remark };
  }
  const path = preprocessedPaths(folders, dataset.name).splits;
  const splits = await splitsOf(folders, dataset, { write });
  const split = splitOfFold(splits, ids, fold);
  if (fold < splits.length) return { split };
  const listed = `its folds are ${splits.map((_, index) => index).join(", ")}`;
  if (!randomSplit) {
    const choose = `choose one of these, add a fold to the file, or train fold "all"`;
    throw new FileError(path, `has no fold ${fold}: ${listed}; ${choose}`);
  }
  if (split.train.length === 0 || split.val.length === 0) {
    throw new FileError(
      path,
      `lists ${splits.length} folds, and the ${ids.length} training cases of ${dataset.name} are too few to divide for a fold ${fold}; train fold "all", or add cases`,
    );
  }
  const remark = `Fold ${fold} is not in splits_final.json (${listed}): its cases were divided 80:20 at random, whatever the file keeps apart.`;
  return { split, remark };
}

/** The folds of the cross-validation; none where the cases cannot be divided. */
export async function knownFolds(folders: Folders, dataset: RawDataset): Promise<number[]> {
  const { splits } = preprocessedPaths(folders, dataset.name);
  const isThere = (await exists(splits)) || (await exists(ownSplits(dataset)));
  if (!isThere && dataset.trainingCases.length < FOLDS) return [];
  return (await splitsOf(folders, dataset, { write: false })).map((_, fold) => fold);
}

const FOLDS = 5;

const ownSplits = ({ folder }: RawDataset) => join(folder, "splits_final.json");

async function splitsOf(
  folders: Folders,
  dataset: RawDataset,
  { write }: { readonly write: boolean },
): Promise<Splits> {
  const ids = dataset.trainingCases.map((files) => files.id);
  const path = preprocessedPaths(folders, dataset.name).splits;
  let json: unknown;
  if (await exists(path)) json = await readJson(path);
  else {
    const own = ownSplits(dataset);
    if (await exists(own)) {
      json = await readJson(own);
      splitsFromJson(json, own, ids); // before it is copied: there the user corrects it
      if (write) await writeFileAtomic(path, await readRegularFile(own));
    } else {
      if (ids.length < FOLDS) {
        throw new FileError(
          dataset.folder,
          `${dataset.name} has ${ids.length} training ${ids.length === 1 ? "case" : "cases"}, and the five folds of a cross-validation need at least 5; train fold "all", or add cases`,
        );
      }
      json = crossValidationSplits(ids);
      if (write) await writeJsonAtomic(path, json);
    }
  }
  return splitsFromJson(json, path, ids);
}
