import { basename, join } from "node:path";
import {
  counted,
  FileError,
  InvalidArgumentError,
  type RawDataset,
  type Splits,
  type StageOptions,
} from "@nnunet/core";
import { exists, readJson, writeJsonAtomic } from "@nnunet/core/node";
import {
  crossValidationSplits,
  dividedGroup,
  groupedSplits,
  splitOfFold,
  splitsFromJson,
  splitsOnAllCases,
} from "@nnunet/evaluate";
import { type Fold, type Folders, preprocessedPaths } from "../folders.ts";
import { contentHash } from "../records/made-from.ts";
import { caseGroups, noteGroupedBy, refuseDividedGroups } from "./case-groups.ts";
import { originOf, writeOwn } from "../records/own-files.ts";
import { divisionOf, hasSeenItsCases, heldOutTrainings } from "./division.ts";

/** The cases of a fold, and what is to be said of scores on its validation cases, if anything. */
export interface FoldCases {
  readonly split: Splits[number];
  readonly remark?: string;
  /** Added to the seed of the training: folds of the same cases differ by it alone. */
  readonly seedOffset: number;
  /** Of {@link divisionOf}; fold "all" belongs to none. */
  readonly division?: readonly string[];
}

export interface SplitOptions {
  /** Divide the cases at random for a fold that `splits_final.json` does not have; an error by default. */
  readonly randomSplit?: boolean;
}

/** How the cases are to be divided, where nnU-Net's own way is not meant. */
export interface DivisionOptions {
  /** A group per case id: the cases of a group stay together. */
  readonly groups?: Readonly<Record<string, string>> | undefined;
  /** By what the groups were told, for the report: `patients.csv:patient`, or a pattern. */
  readonly groupedBy?: string | undefined;
  /** Instead of folds so many trainings on all cases, which differ by seed. */
  readonly seeds?: number | undefined;
}

export interface SplitResult {
  readonly path: string;
  readonly splits: Splits;
  /** False if they were there. */
  readonly made: boolean;
}

const FOLDS = 5;
const ownSplits = ({ folder }: RawDataset) => join(folder, "splits_final.json");

/**
 * The folds of the cross-validation, in `splits_final.json` of the preprocessed folder, where every later command reads
 * them. Users may write that file themselves; where it is missing it is copied from the raw dataset, or made as nnU-Net
 * makes it. Groups that are told are kept beside it, in `case_groups.json`.
 *
 * @param options.groups - a file that somebody wrote must keep these together too; one that we wrote is written anew
 * @param options.write - false only looks
 * @throws {FileError} if there are too few cases or groups, or a file of somebody's divides a group
 * @throws {InvalidArtifactError} if a file names unknown cases or mixes training and validation
 */
export async function splitDataset(
  folders: Folders,
  dataset: RawDataset,
  options: DivisionOptions & StageOptions & { readonly write?: boolean } = {},
): Promise<SplitResult> {
  const divided = await divideDataset(folders, dataset, options);
  const { groups, groupedBy, write = true } = options;
  // Not in splits_final.json, which is nnU-Net's; intervals are drawn from whole groups.
  if (groups && write) {
    const { groups: path, madeFrom } = preprocessedPaths(folders, dataset.name);
    const there = await readJson(path).catch(() => undefined);
    const areNew = contentHash(there) !== contentHash(groups);
    if (areNew) await writeJsonAtomic(path, groups);
    if (areNew || groupedBy !== undefined) await noteGroupedBy(madeFrom, groupedBy);
  }
  return divided;
}

async function divideDataset(
  folders: Folders,
  dataset: RawDataset,
  { groups, seeds, write = true, onEvent }: DivisionOptions & StageOptions & { readonly write?: boolean },
): Promise<SplitResult> {
  const { splits: path, madeFrom } = preprocessedPaths(folders, dataset.name);
  if (groups && seeds !== undefined) throw new InvalidArgumentError("seeds", "one of groups and seeds", seeds);
  const ids = dataset.trainingCases.map((files) => files.id);
  const groupOf = groups && checkGroups(groups, ids);
  const own = ownSplits(dataset);
  const warn = (done: string, why: string) => {
    const text = `${path}: ${write ? "" : "would be "}${done} ${why}`;
    onEvent?.({ type: "message", stage: "split", level: "warning", text });
  };
  const keep = async (splits: Splits): Promise<SplitResult> => {
    if (write) await writeOwn(madeFrom, "splits", path, splits);
    return { path, splits, made: true };
  };
  if (await exists(path)) {
    const splits = splitsFromJson(await readJson(path), path, ids);
    const isWritten = (await originOf(madeFrom, "splits", path)) === "ours";
    const theirs = isWritten && (await exists(own)) ? splitsFromJson(await readJson(own), own, ids) : undefined;
    if (theirs && contentHash(theirs) !== contentHash(splits)) {
      refuseDivided(own, theirs, groupOf, seeds);
      warn("replaced", `by the ${basename(own)} of the dataset; trainings by the earlier folds do not go with it`);
      return keep(theirs);
    }
    if (!groupOf && seeds === undefined) {
      const paths = preprocessedPaths(folders, dataset.name);
      refuseDividedGroups(paths, splits, await caseGroups(folders, dataset.name));
      return { path, splits, made: false };
    }
    const isOurs = isWritten && !theirs;
    const wanted = isOurs || seeds !== undefined ? makeSplits(dataset, ids, { groupOf, seeds }) : undefined;
    if (wanted && contentHash(wanted) === contentHash(splits)) return { path, splits, made: false };
    if (wanted && isOurs) {
      if (seeds !== undefined) await refuseWithoutValidation(folders, dataset, path, splits);
      const back = seeds === undefined ? "" : "; remove it to have the cases divided into folds again";
      warn(
        "written anew,",
        `as the cases are divided otherwise now; trainings by the earlier folds do not go with them${back}`,
      );
      return keep(wanted);
    }
    refuseDivided(path, splits, groupOf, seeds);
    return { path, splits, made: false };
  }
  if (await exists(own)) {
    const splits = splitsFromJson(await readJson(own), own, ids);
    refuseDivided(own, splits, groupOf, seeds);
    return keep(splits);
  }
  return keep(makeSplits(dataset, ids, { groupOf, seeds }));
}

interface Division {
  readonly groupOf: ReadonlyMap<string, string> | undefined;
  readonly seeds: number | undefined;
}

function makeSplits(dataset: RawDataset, ids: readonly string[], { groupOf, seeds }: Division): Splits {
  if (seeds !== undefined) return splitsOnAllCases(ids, seeds);
  const count = groupOf ? new Set(groupOf.values()).size : ids.length;
  if (count < FOLDS) {
    const what = groupOf ? counted(count, "group") : counted(count, "training case");
    throw new FileError(
      dataset.folder,
      `${dataset.name} has ${what}, and the five folds of a cross-validation need at least ${FOLDS}; train fold "all", or add cases; or train several networks on all of them, as the paper did on three, with \`seeds\` 5`,
    );
  }
  return groupOf ? groupedSplits(groupOf, FOLDS) : crossValidationSplits(ids, FOLDS);
}

function checkGroups(groups: Readonly<Record<string, string>>, ids: readonly string[]): Map<string, string> {
  const missing = ids.find((id) => !Object.hasOwn(groups, id));
  if (missing !== undefined) {
    throw new InvalidArgumentError("groups", "a group for every training case", `none for ${missing}`);
  }
  return new Map(ids.map((id) => [id, groups[id]!]));
}

function refuseDivided(path: string, splits: Splits, groupOf: Division["groupOf"], seeds: number | undefined): void {
  if (seeds !== undefined) {
    const problem = `holds other folds than ${seeds} trainings on all cases, and is not replaced`;
    throw new FileError(path, `${problem}; move it away, or leave out \`seeds\``);
  }
  const divided = groupOf && dividedGroup(splits, groupOf);
  if (!divided) return;
  const [trained, validated] = divided.cases;
  const problem = `fold ${divided.fold} trains on ${trained} and validates on ${validated}, both of group ${divided.group}`;
  throw new FileError(path, `${problem}; correct it, or move it away to have the cases divided by their groups`);
}

/**
 * Trainings on all cases say nothing about new images. They are not to take the place of folds that do: from then on every
 * later training of the dataset, of each of its variants, would be one of them.
 */
async function refuseWithoutValidation(
  folders: Folders,
  dataset: RawDataset,
  path: string,
  splits: Splits,
): Promise<void> {
  const [first, ...others] = await heldOutTrainings(folders, dataset.name, splits);
  if (first === undefined) return;
  const trained = others.length === 0 ? first : `${first} and ${counted(others.length, "other")}`;
  const problem = `has the folds by which ${trained} ${others.length === 0 ? "was" : "were"} trained and validated, and which \`seeds\` would replace for every plan of the dataset`;
  throw new FileError(path, `${problem}; take a copy of the dataset under another id for \`seeds\`, or move it away`);
}

/**
 * The training and validation cases of a fold, by `splits_final.json`. Fold "all" needs no splits.
 *
 * @param options.write - keep the splits where there are none yet
 * @param options.randomSplit - divide the cases 80:20 at random for a fold beyond the file, as nnU-Net does unasked; it
 *   mixes what the file keeps apart, the images of a patient, say
 * @throws {FileError} if the file has no such fold, or what {@link splitDataset} throws
 */
export async function casesOfFold(
  folders: Folders,
  dataset: RawDataset,
  fold: Fold,
  {
    randomSplit = false,
    write = true,
    groups,
    seeds,
  }: SplitOptions & DivisionOptions & { readonly write?: boolean } = {},
): Promise<FoldCases> {
  const ids = dataset.trainingCases.map((files) => files.id);
  if (fold === "all") {
    const remark =
      "These are the cases that fold all was trained on: the scores say nothing about new images, those of a cross-validation do.";
    return { split: splitOfFold([], ids, "all"), remark, seedOffset: 0 };
  }
  const { path, splits } = await splitDataset(folders, dataset, { write, groups, seeds });
  const split = splitOfFold(splits, ids, fold);
  const division = divisionOf(splits);
  if (fold < splits.length) {
    if (!hasSeenItsCases(splits, fold)) return { split, seedOffset: 0, division };
    const remark = `Fold ${fold} was trained on all of these cases: the scores say nothing about new images.`;
    return { split, remark, seedOffset: fold, division };
  }
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
  return { split, remark, seedOffset: 0, division };
}

/** The folds that there are, and those of them that are a cross-validation; none where the cases cannot be divided. */
export async function knownFolds(
  folders: Folders,
  dataset: RawDataset,
  { groups, seeds }: DivisionOptions = {},
): Promise<{ readonly all: readonly number[]; readonly heldOut: readonly number[] }> {
  const { splits: path } = preprocessedPaths(folders, dataset.name);
  const isThere = (await exists(path)) || (await exists(ownSplits(dataset)));
  if (!isThere && seeds === undefined && dataset.trainingCases.length < FOLDS) return { all: [], heldOut: [] };
  const { splits } = await splitDataset(folders, dataset, { groups, seeds, write: false });
  const all = splits.map((_, fold) => fold);
  return { all, heldOut: all.filter((fold) => !hasSeenItsCases(splits, fold)) };
}
