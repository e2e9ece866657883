import { basename, join } from "node:path";
import {
  type EvaluationSummary,
  FileError,
  isJsonObject,
  labelSet,
  type RawDataset,
  type StageOptions,
} from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { imageFiles } from "@nnunet/io";
import { hashFiles } from "@nnunet/preprocess";
import { contentHash, readRecord, recordedHash, recordHash } from "../records/made-from.ts";
import { type CasePair, caseOf, casePairs } from "../selection/validation-cases.ts";
import { type Context, identity } from "../stages.ts";
import { evaluatePairs } from "./evaluate-folders.ts";

/*
 * What is compared are scores, what is shown and postprocessed are the segmentations that they are of: both must be the
 * same. Beside a summary lies the hash of every file that it was counted from, and of its numbers.
 */

/** A folder of segmentations with their `summary.json` and the record of what they were made from. */
export interface ScoredFolder {
  readonly folder: string;
  readonly summary: EvaluationSummary;
  /** Who segmented: "fold 0 of 2d" */
  readonly by: string;
  /** How a segmentation that is moved away is made again. */
  readonly again: string;
}

const summaryOf = ({ folder }: ScoredFolder) => join(folder, "summary.json");
const recordOf = ({ folder }: Pick<ScoredFolder, "folder">) => join(folder, "made_from.json");

/** Notes that a summary was counted from the files as they lie there. */
export async function recordScores(
  context: Context,
  dataset: RawDataset,
  scored: Pick<ScoredFolder, "folder" | "summary">,
): Promise<void> {
  const pairs = casePairs(dataset, scored.folder, scored.summary);
  await recordHash(recordOf(scored), "scores", await hashOfScores(context, dataset, scored, pairs));
}

/**
 * Whether a summary is of the segmentations and references that are there.
 *
 * @throws {FileError} if a segmentation is missing, or is not what was predicted: its score would be somebody else's work
 */
export async function areScoresCurrent(context: Context, dataset: RawDataset, scored: ScoredFolder): Promise<boolean> {
  const pairs = casePairs(dataset, scored.folder, scored.summary);
  await refuseChanged(scored, pairs);
  return (await recordedHash(recordOf(scored), "scores")) === (await hashOfScores(context, dataset, scored, pairs));
}

/**
 * A summary of the segmentations and references that are there: the one that is written, or one that is made now and written
 * in its place. That the numbers differ is told.
 *
 * @throws what {@link areScoresCurrent} throws
 */
export async function currentScores(
  context: Context,
  dataset: RawDataset,
  scored: ScoredFolder,
  { signal, onEvent }: StageOptions = {},
): Promise<EvaluationSummary> {
  if (await areScoresCurrent(context, dataset, scored)) return scored.summary;
  const { remark } = scored.summary;
  const summary = await evaluatePairs(
    context,
    casePairs(dataset, scored.folder, scored.summary),
    dataset.json,
    summaryOf(scored),
    {
      misplaced: "warn",
      overwrite: true,
      groups: new Map(groupOfReference(scored.summary)),
      ...(remark !== undefined && { remark }),
      ...(signal && { signal }),
      ...(onEvent && { onEvent }),
    },
  );
  if (numbersOf(summary) !== numbersOf(scored.summary)) {
    const shown = ({ foregroundMean: { dice } }: EvaluationSummary) => (Number.isNaN(dice) ? "none" : dice.toFixed(4));
    const text = `${summaryOf(scored)} is not what its files give: scored anew (mean Dice ${shown(scored.summary)} before, ${shown(summary)} now)`;
    onEvent?.({ type: "message", stage: "evaluate", level: "warning", text });
  }
  await recordScores(context, dataset, { ...scored, summary });
  return summary;
}

/** @throws {FileError} as {@link areScoresCurrent} */
async function refuseChanged(scored: ScoredFolder, pairs: readonly CasePair[]): Promise<void> {
  const { predictions } = await readRecord(recordOf(scored));
  for (const { prediction } of pairs) {
    if (!(await exists(prediction))) {
      throw new FileError(prediction, `missing, and ${scored.by} was scored by it; ${scored.again}`);
    }
    const entry = isJsonObject(predictions) ? predictions[basename(prediction)] : undefined;
    const files = isJsonObject(entry) ? entry["files"] : undefined;
    if (!isJsonObject(files)) continue; // of another tool, or an earlier version: scored as it is
    for (const part of await imageFiles(prediction)) {
      const written = files[basename(part)];
      if (written === undefined || written === (await hashFiles([part]))) continue;
      const problem = `is not what ${scored.by} predicted: it was changed afterwards, and its score would be no score of the network`;
      throw new FileError(part, `${problem}; move it away, then ${scored.again}`);
    }
  }
}

async function hashOfScores(
  { stages }: Context,
  dataset: RawDataset,
  { summary }: Pick<ScoredFolder, "summary">,
  pairs: readonly CasePair[],
): Promise<string> {
  return contentHash([identity(stages.evaluator), labelSet(dataset.json), await hashesOf(pairs), numbersOf(summary)]);
}

/** Every byte that a comparison of these pairs depends on. */
export async function hashesOf(pairs: readonly CasePair[]): Promise<readonly (readonly string[])[]> {
  const hashes: string[][] = [];
  for (const { id, reference, prediction } of pairs) {
    hashes.push([id, await hashFiles(await imageFiles(reference)), await hashFiles(await imageFiles(prediction))]);
  }
  return hashes;
}

const numbersOf = ({ foregroundMean, mean, cases }: EvaluationSummary) =>
  contentHash([foregroundMean, mean, cases.map(({ metrics }) => metrics)]);

/** The groups of a summary's cases by their reference's case. */
export function groupOfReference({ cases }: EvaluationSummary): (readonly [id: string, group: string])[] {
  return cases.flatMap(({ referenceFile, group }) =>
    group === undefined ? [] : [[caseOf(referenceFile), group] as const],
  );
}
