import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { FileError, type Splits } from "@nnunet/core";
import { pathBelow, readJson } from "@nnunet/core/node";
import { summaryFromJson, validatesOnTraining } from "@nnunet/evaluate";
import { type Fold, foldPaths, type Folders, foldsAmong, TRAINER_NAME } from "../folders.ts";
import { contentHash, readRecord } from "../records/made-from.ts";
import { casesOf } from "../selection/validation-cases.ts";

/*
 * Folds are averaged, and compared with each other, only where they are of one division of the cases. Each training
 * records the division that it belongs to, as one hash per fold: no case is named in a folder that is given away.
 */

/** Whether a fold was trained on the cases that it is scored on: fold "all", and trainings on all cases that differ by seed. */
export function hasSeenItsCases(splits: Splits | undefined, fold: Fold): boolean {
  if (fold === "all") return true;
  const split = splits?.[fold];
  return split !== undefined && validatesOnTraining(split);
}

/** The splits of which a fold says something about new images; in the place of any other is an empty one. */
export function heldOutSplits(splits: Splits): Splits {
  return splits.map((split) => (validatesOnTraining(split) ? { train: [], val: [] } : split));
}

/** A hash per fold of its training and validation cases, whatever their order. */
export function divisionOf(splits: Splits): string[] {
  return splits.map(({ train, val }) => contentHash({ train: [...train].sort(), val: [...val].sort() }));
}

/** The division that a fold's training recorded; undefined for one of another tool, or an earlier version. */
export async function recordedDivision(foldFolder: string): Promise<readonly string[] | undefined> {
  const { division } = await readRecord(foldPaths(foldFolder).madeFrom);
  return Array.isArray(division) && division.every((hash) => typeof hash === "string") ? division : undefined;
}

/**
 * The trained folds of a dataset, of any plan and configuration, that were validated by this division of its cases.
 *
 * @example await heldOutTrainings(folders, "Dataset004_Hippocampus", splits); // ["nnUNetTrainer__nnUNetPaperPlans__2d/fold_0"]
 */
export async function heldOutTrainings(folders: Folders, datasetName: string, splits: Splits): Promise<string[]> {
  const results = pathBelow(folders.results, datasetName);
  const hashes = divisionOf(splits);
  const found: string[] = [];
  const models = (await readdir(results).catch(() => [])).filter((name) => name.startsWith(`${TRAINER_NAME}__`));
  for (const model of models.sort()) {
    for (const fold of foldsAmong(await readdir(join(results, model)).catch(() => []))) {
      if (fold === "all" || fold >= splits.length || hasSeenItsCases(splits, fold)) continue;
      const recorded = await recordedDivision(join(results, model, `fold_${fold}`));
      if (recorded?.[fold] === hashes[fold]) found.push(`${model}/fold_${fold}`);
    }
  }
  return found;
}

/**
 * Two of the folds in whose mean a case may be both trained on and validated, because `splits_final.json` was changed between
 * their trainings. Where a record is missing, only a validation case that both have gives it away.
 *
 * @param folders - of trained folds; those of no cross-validation, `fold_all` for one, go with any
 * @returns a sentence about the second of the two; undefined if all are of one division
 */
export async function dividedOtherwise(
  folders: readonly string[],
): Promise<{ readonly folder: string; readonly problem: string } | undefined> {
  const known: KnownFold[] = [];
  for (const folder of folders) {
    const found = await knownFold(folder);
    if (found === undefined) continue;
    const other = known.find((before) => !areOfOneDivision(before, found));
    if (other !== undefined) {
      const problem = `fold ${found.fold} was trained by another division of the cases than fold ${other.fold}: splits_final.json was changed between them`;
      return { folder, problem };
    }
    known.push(found);
  }
  return undefined;
}

/**
 * @param folders - of the folds whose mean is wanted, ours or nnU-Net's; any other folder says nothing
 * @throws {FileError} if two of them are of different divisions of the cases
 */
export async function refuseOtherDivisions(folders: readonly string[]): Promise<void> {
  const divided = await dividedOtherwise(folders);
  if (divided === undefined) return;
  const why = "a mean of the two has seen in training what it is said to be validated on";
  throw new FileError(
    divided.folder,
    `${divided.problem}, and ${why}; train the older one again, or name folds of one division by \`folds\``,
  );
}

interface KnownFold {
  readonly fold: number;
  readonly division?: readonly string[] | undefined;
  readonly validated: ReadonlySet<string>;
}

async function knownFold(folder: string): Promise<KnownFold | undefined> {
  const [fold] = foldsAmong([basename(folder)]);
  if (typeof fold !== "number") return undefined;
  const { madeFrom, summary: path } = foldPaths(folder);
  if ((await readRecord(madeFrom))["remark"] !== undefined) return undefined;
  // a summary that cannot be read hides no case from who only wants to predict
  const summary = await readJson(path)
    .then((json) => summaryFromJson(json, path))
    .catch(() => undefined);
  if (summary?.remark !== undefined) return undefined;
  return { fold, division: await recordedDivision(folder), validated: new Set(summary ? casesOf(summary) : []) };
}

/** One division has both as they were trained. */
function areOfOneDivision(a: KnownFold, b: KnownFold): boolean {
  if (a.division === undefined || b.division === undefined) {
    const shared = [...b.validated].filter((id) => a.validated.has(id)).length;
    return a.fold === b.fold ? shared === a.validated.size : shared === 0;
  }
  return a.division[a.fold] === b.division[a.fold] || a.division[b.fold] === b.division[b.fold];
}
