import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  type DatasetJson,
  type EvaluationSummary,
  FileError,
  ImageFileError,
  labelSet,
  ShapeMismatchError,
  type StageOptions,
  throwIfCancelled,
  type Volume,
} from "@nnunet/core";
import { describeFileError, writeJsonAtomic } from "@nnunet/core/node";
import { summarise, summaryToJson } from "@nnunet/evaluate";
import { readImage } from "@nnunet/io";
import { imageStem } from "./input-cases.ts";
import type { Context } from "./stages.ts";
import { timedStage } from "./timed-stage.ts";

/** One prediction and what it is compared with. */
export interface EvaluationPair {
  readonly reference: string;
  readonly prediction: string;
}

/**
 * Pairs the files of two folders by case id. Every reference needs a prediction, unless `partial` is set; predictions
 * without a reference are left out.
 *
 * @throws {FileError} if a folder is missing or empty, or a reference has no prediction
 */
export async function pairFolders(
  references: string,
  predictions: string,
  { partial = false }: { readonly partial?: boolean } = {},
): Promise<EvaluationPair[]> {
  const byStem = async (folder: string) => {
    const names = await readdir(folder).catch((error) => {
      throw describeFileError(folder, "could not be read", error);
    });
    const found = new Map<string, string>();
    for (const name of names.sort()) {
      const stem = imageStem(name);
      if (stem !== undefined && !stem.endsWith("_probabilities")) found.set(stem, join(folder, name));
    }
    if (found.size === 0) throw new FileError(folder, "no segmentation in it; expected files such as case_001.nii.gz");
    return found;
  };
  const [reference, prediction] = [await byStem(references), await byStem(predictions)];
  const pairs: EvaluationPair[] = [];
  for (const [stem, path] of reference) {
    const predicted = prediction.get(stem);
    if (predicted !== undefined) pairs.push({ reference: path, prediction: predicted });
    else if (!partial) {
      throw new FileError(join(predictions, `${stem}.nii.gz`), `missing; ${path} has no prediction to compare with`);
    }
  }
  if (pairs.length === 0) throw new FileError(predictions, `none of its files has the name of one in ${references}`);
  return pairs;
}

/**
 * Dice and counts per case and label, and their means.
 *
 * @param output - where `summary.json` goes; not written if left out
 * @throws {ShapeMismatchError} if a pair differs in shape
 */
export async function evaluatePairs(
  { stages }: Context,
  pairs: readonly EvaluationPair[],
  dataset: DatasetJson,
  output: string | undefined,
  { signal, onEvent }: StageOptions = {},
): Promise<EvaluationSummary> {
  const labels = labelSet(dataset);
  const detail = `${pairs.length} ${pairs.length === 1 ? "case" : "cases"}`;
  return timedStage("evaluate", { total: pairs.length, detail }, { onEvent }, async () => {
    const cases: EvaluationSummary["cases"][number][] = [];
    for (const { reference, prediction } of pairs) {
      throwIfCancelled(signal, "evaluation");
      const [expected, predicted] = [await readLabels(reference), await readLabels(prediction)];
      if (expected.shape.join() !== predicted.shape.join()) {
        throw new ShapeMismatchError(prediction, expected.shape, predicted.shape, `it is compared with ${reference}`);
      }
      const apart = expected.geometry.spacing.some((s, i) => Math.abs(s - predicted.geometry.spacing[i]!) > 1e-3 * s);
      if (apart) {
        onEvent?.({
          type: "message",
          stage: "evaluate",
          level: "warning",
          text: `${prediction}: spacing [${predicted.geometry.spacing}] mm differs from the reference's [${expected.geometry.spacing}]; compared voxel by voxel`,
        });
      }
      cases.push({
        referenceFile: reference,
        predictionFile: prediction,
        metrics: stages.caseMetrics(expected.data, predicted.data, labels),
      });
      onEvent?.({
        type: "progress",
        stage: "evaluate",
        done: cases.length,
        total: pairs.length,
        item: basename(reference),
      });
    }
    const summary = summarise(cases);
    if (output !== undefined) await writeJsonAtomic(output, summaryToJson(summary));
    return { result: summary, ...(output === undefined ? {} : { detail: output }) };
  });
}

async function readLabels(path: string): Promise<Volume> {
  const volume = await readImage(path);
  const { data } = volume;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isInteger(data[i]!)) {
      throw new ImageFileError(path, "", `voxel ${i} is ${data[i]}, but a segmentation has whole label numbers only`);
    }
  }
  return volume;
}
