import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  type ModelDataset,
  type EvaluationSummary,
  FileError,
  ImageFileError,
  labelSet,
  ShapeMismatchError,
  type StageOptions,
  throwIfCancelled,
  type Volume,
  type VoxelArray,
  spatialShape,
} from "@nnunet/core";
import { describeFileError, exists, whileLocked, writeJsonAtomic } from "@nnunet/core/node";
import { summarise, summaryToJson } from "@nnunet/evaluate";
import { imageStem, placementDifference, readLabels, saysItsPlace, voxelPlace } from "@nnunet/io";
import { type Context, identity } from "../stages.ts";
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
 * @throws {FileError} if a folder is missing or empty, holds a case twice, or a reference has no prediction
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
      if (stem === undefined || stem.endsWith("_probabilities")) continue;
      const other = found.get(stem);
      if (other !== undefined) {
        throw new FileError(join(folder, name), `is case ${stem}, as is ${basename(other)}; take one of them away`);
      }
      found.set(stem, join(folder, name));
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
      throw new FileError(join(predictions, basename(path)), `missing; ${path} has no prediction to compare with`);
    }
  }
  if (pairs.length === 0) throw new FileError(predictions, `none of its files has the name of one in ${references}`);
  return pairs;
}

export interface EvaluationOptions extends StageOptions {
  /**
   * What to do with a prediction that lies elsewhere in space than its reference: refuse (the default), or only warn,
   * where the labels are known to belong to the image's voxels whatever their header says.
   */
  readonly misplaced?: "refuse" | "warn";
  /** Goes into the summary, for whoever reads it. */
  readonly remark?: string | undefined;
  /** Replace a file that is there; otherwise it is an error, found before any work. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Dice and counts per case and label, and their means. Voxels are compared one by one, so the two files of a pair must
 * have them at the same places; Python nnU-Net looks at the shape only, and scores a mirrored file without a word.
 * Pictures (PNG, TIFF, …) do not say where they lie; of them the shape alone counts.
 *
 * Labels of a prediction that the dataset does not declare count as background, with a warning.
 *
 * @param output - where `summary.json` goes; not written if left out
 * @throws {FileError} if the output is there and may not be replaced
 * @throws {ShapeMismatchError} if a pair differs in shape
 * @throws {ImageFileError} if a pair differs in spacing, direction or origin by more than rounding
 */
export async function evaluatePairs(
  { stages }: Context,
  pairs: readonly EvaluationPair[],
  dataset: ModelDataset,
  output: string | undefined,
  { misplaced = "refuse", remark, overwrite = false, signal, onEvent }: EvaluationOptions = {},
): Promise<EvaluationSummary> {
  const labels = labelSet(dataset);
  if (output !== undefined && !overwrite && (await exists(output))) {
    throw new FileError(output, "exists already; choose another output, or have it replaced");
  }
  const detail = `${pairs.length} ${pairs.length === 1 ? "case" : "cases"}`;
  const evaluate = () =>
    timedStage("evaluate", { total: pairs.length, detail }, { onEvent }, async () => {
      const cases: EvaluationSummary["cases"][number][] = [];
      const warn = (text: string) => onEvent?.({ type: "message", stage: "evaluate", level: "warning", text });
      for (const { reference, prediction } of pairs) {
        throwIfCancelled(signal, "evaluation");
        const [expected, predicted] = [await readWholeLabels(reference), await readWholeLabels(prediction)];
        if (expected.shape.join() !== predicted.shape.join()) {
          throw new ShapeMismatchError(
            prediction,
            spatialShape(expected),
            spatialShape(predicted),
            `it is compared with ${reference}`,
            "image",
          );
        }
        const isPlaced = saysItsPlace(reference) && saysItsPlace(prediction);
        const apart = isPlaced ? placementDifference(expected.geometry, predicted.geometry) : undefined;
        if (apart) {
          const problem = `differs from ${reference}: [${apart.second}] here, [${apart.first}] there`;
          if (misplaced === "refuse") {
            const why =
              "voxel by voxel the score would be wrong; resample or reorient the prediction onto the reference";
            throw new ImageFileError(prediction, apart.field, `${problem}; ${why}`);
          }
          warn(`${prediction} → ${apart.field}: ${problem}; compared voxel by voxel`);
        }
        const unknown = undeclaredLabels(predicted.data, labels.allowed);
        if (unknown.length > 0) {
          const listed = `label${unknown.length === 1 ? "" : "s"} ${unknown.join(", ")}`;
          warn(`${prediction}: has ${listed}, not declared (${labels.allowed.join(", ")}); counted as background`);
        }
        cases.push({
          referenceFile: reference,
          predictionFile: prediction,
          metrics: stages.evaluator.caseMetrics(expected.data, predicted.data, labels),
        });
        onEvent?.({
          type: "progress",
          stage: "evaluate",
          done: cases.length,
          total: pairs.length,
          item: basename(reference),
        });
      }
      const summary: EvaluationSummary = {
        ...(remark === undefined ? {} : { remark }),
        evaluator: identity(stages.evaluator),
        ...summarise(cases),
      };
      if (output !== undefined) await writeJsonAtomic(output, summaryToJson(summary));
      return { result: summary, ...(output === undefined ? {} : { detail: output }) };
    });
  return output === undefined ? evaluate() : whileLocked(output, "evaluating", evaluate);
}

/** Ascending. */
function undeclaredLabels(data: VoxelArray, allowed: readonly number[]): number[] {
  const known = new Set(allowed);
  const unknown = new Set<number>();
  let last = Number.NaN; // runs of equal labels are long: the sets are touched once per run
  for (let i = 0; i < data.length; i++) {
    if (data[i] === last) continue;
    last = data[i]!;
    if (!known.has(last)) unknown.add(last);
  }
  return [...unknown].sort((a, b) => a - b);
}

async function readWholeLabels(path: string): Promise<Volume> {
  const volume = await readLabels(path);
  const { data } = volume;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isInteger(data[i]!)) {
      throw new ImageFileError(
        path,
        "",
        `voxel ${voxelPlace(i % (data.length / volume.shape[0]), volume)} is ${data[i]}, but a segmentation has whole label numbers only`,
      );
    }
  }
  return volume;
}
