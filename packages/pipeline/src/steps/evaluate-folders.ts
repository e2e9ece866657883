import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { counted, elementCount, type EvaluationSummary, FileError, labelSet, type ModelDataset } from "@nnunet/core";
import { describeFileError, exists, whileLocked, writeFileAtomic } from "@nnunet/core/node";
import { summarise, summaryToText } from "@nnunet/evaluate";
import { imageStem, readImageInfo } from "@nnunet/io";
import { type Context, defaultStages, identity } from "../stages.ts";
import { type CaseWork, overCases, type PoolOptions } from "../workers/case-pool.ts";
import { type CaseEvaluation, type EvaluateTask, evaluateCaseFiles } from "../workers/evaluate-case.ts";
import { withGroups } from "../training/case-groups.ts";
import { placeOf, type Staged } from "../workers/stage-place.ts";
import { refuseLargeCases } from "./case-memory.ts";
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

export interface EvaluationOptions extends PoolOptions {
  /**
   * What to do with a prediction that lies elsewhere in space than its reference: refuse (the default), or only warn,
   * where the labels are known to belong to the image's voxels whatever their header says.
   */
  readonly misplaced?: "refuse" | "warn";
  /** Compare the surfaces and volumes too: HD95, ASSD, NSD at this tolerance in mm, volume error. */
  readonly surfaceToleranceMm?: number | undefined;
  /** Goes into the summary, for whoever reads it. */
  readonly remark?: string | undefined;
  /** Replace a file that is there; otherwise it is an error, found before any work. */
  readonly overwrite?: boolean | undefined;
  /** Of cases that belong together, by the case of the reference: intervals draw them together. */
  readonly groups?: ReadonlyMap<string, string> | undefined;
}

/** Fewer voxels than this in all are counted sooner than threads have started; a number of workers asked for starts them. */
const worthThreads = 2 ** 25;
/** Of two label maps as they are read, and of the masks, outlines and distances of a label that fills the image. */
const bytesPerVoxel = { counts: 16, surfaces: 24 };

/**
 * Dice and counts per case and label, and their means; on request the surfaces' metrics. Cases are compared in parallel;
 * the number of workers changes nothing. Voxels are compared one by one, so the two files of a pair must have them at the
 * same places; Python nnU-Net looks at the shape only, and scores a mirrored file without a word. Pictures (PNG, TIFF, …)
 * do not say where they lie; of them the shape alone counts.
 *
 * Labels of a prediction that the dataset does not declare count as background, with a warning.
 *
 * @param output - where `summary.json` goes; not written if left out
 * @throws {FileError} if the output is there and may not be replaced
 * @throws {LimitError} if a case would need more memory than there is
 * @throws {StageError} of the case, caused by
 *   {@link ShapeMismatchError} if a pair differs in shape,
 *   {@link ImageFileError} if a pair differs in spacing, direction or origin by more than rounding
 */
export async function evaluatePairs(
  { stages }: Context,
  pairs: readonly EvaluationPair[],
  dataset: ModelDataset,
  output: string | undefined,
  { misplaced = "refuse", surfaceToleranceMm, remark, overwrite = false, groups, ...options }: EvaluationOptions = {},
): Promise<EvaluationSummary> {
  const labels = labelSet(dataset);
  if (output !== undefined && !overwrite && (await exists(output))) {
    throw new FileError(output, "exists already; choose another output, or have it replaced");
  }
  const start = { total: pairs.length, detail: counted(pairs.length, "case") };
  const evaluate = () =>
    timedStage("evaluate", start, options, async () => {
      const tasks: CaseWork<Staged<EvaluateTask>>[] = [];
      let allVoxels = 0;
      for (const { reference, prediction } of pairs) {
        const voxels = elementCount((await readImageInfo(reference)).shape);
        allVoxels += voxels;
        const perVoxel = bytesPerVoxel.counts + (surfaceToleranceMm === undefined ? 0 : bytesPerVoxel.surfaces);
        tasks.push({
          id: imageStem(basename(reference)) ?? basename(reference),
          bytes: voxels * perVoxel,
          input: { reference, prediction, labels, misplaced, surfaceToleranceMm },
        });
      }
      refuseLargeCases("comparing", tasks, options);
      const place =
        options.workers === undefined && allVoxels < worthThreads
          ? ({ workers: false } as const)
          : placeOf(stages.evaluator, defaultStages.evaluator, "evaluate", options);
      const run = place.workers ? "evaluate" : (task: EvaluateTask) => evaluateCaseFiles(stages.evaluator, task);
      const staged = tasks.map((task) => ({
        ...task,
        input: { ...task.input, ...(place.workers && { stage: place.module }) },
      }));
      const evaluations = await overCases<Staged<EvaluateTask>, CaseEvaluation>("evaluate", staged, run, options);
      for (const text of evaluations.flatMap(({ warnings }) => warnings)) {
        options.onEvent?.({ type: "message", stage: "evaluate", level: "warning", text });
      }
      const summary: EvaluationSummary = {
        ...(remark === undefined ? {} : { remark }),
        evaluator: identity(stages.evaluator),
        ...withGroups(summarise(evaluations.map(({ evaluated }) => evaluated)), groups ?? new Map()),
        ...(surfaceToleranceMm === undefined ? {} : { surfaceToleranceMm }),
      };
      if (output !== undefined) await writeFileAtomic(output, summaryToText(summary));
      return { result: summary, ...(output === undefined ? {} : { detail: output }) };
    });
  return output === undefined ? evaluate() : whileLocked(output, "evaluating", evaluate);
}
