import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CaseFiles, type EvaluationSummary, FileError, type RawDataset, type StageOptions } from "@nnunet/core";
import { pathBelow, readJson, whileLocked } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import type { Device, PredictionLimits } from "@nnunet/inference";
import { finalPredictorFolder, type Fold, resultsPaths } from "../folders.ts";
import { outputsOf } from "../prediction/case-outputs.ts";
import { loadPredictor } from "../prediction/load-predictor.ts";
import { predictCases } from "../prediction/predict-cases.ts";
import { predictionRecord, usualPrediction } from "../prediction/prediction-record.ts";
import { segmentationEnding } from "../prediction/prediction-output.ts";
import { refuseLink } from "../records/own-files.ts";
import { softwareVersion } from "../software-version.ts";
import type { Context } from "../stages.ts";
import { evaluatePairs, pairFolders } from "./evaluate-folders.ts";
import { hashCases } from "./hash-cases.ts";

export interface TestResult {
  /** "3d_fullres", or both of an ensemble: "2d + 3d_fullres". */
  readonly configuration: string;
  readonly folder: string;
  /** Against labelsTs, where the dataset has such a folder. */
  readonly summary?: EvaluationSummary;
}

/** What segments the test images: the final predictor of a plan, or some folds of a configuration. */
export type Tested = { readonly plansName: string } | TestedFolds;

/** Whose mean segments the test images. */
export interface TestedFolds {
  readonly plansName: string;
  readonly configuration: string;
  /** Trained ones; of them those of the cross-validation are taken, or where there are none, the others. */
  readonly folds: readonly Fold[];
}

export type TestOptions = StageOptions & Pick<PredictionLimits, "maxMemoryGb"> & { readonly device?: Device };

/** Where the segmentations of imagesTs lie: not in the predictor, which is handed out, because they name cases. */
export function testFolder({ folders }: Context, { name }: RawDataset, tested: Tested): string {
  const { plansName } = tested;
  if (!isOfFolds(tested)) return pathBelow(folders.results, name, `imagesTs_predicted__${plansName}`);
  return join(resultsPaths(folders, name, plansName, tested.configuration).folder, "imagesTs_predicted");
}

const isOfFolds = (tested: Tested): tested is TestedFolds => "configuration" in tested;

/**
 * Segments the images of imagesTs by the final predictor, or the mean of a configuration's folds, and scores them where labelsTs is there. What
 * was made from the same models and images is kept. One process at a time, because two may have other models.
 *
 * @throws {FileError} if there is no test image
 */
export async function testImages(
  context: Context,
  dataset: RawDataset,
  tested: Tested,
  options: TestOptions = {},
): Promise<TestResult> {
  const { signal, onEvent } = options;
  if (dataset.testCases.length === 0) {
    throw new FileError(join(dataset.folder, "imagesTs"), "holds no image to be segmented; put the test images there");
  }
  const folder = testFolder(context, dataset, tested);
  const work = () => segmentAndScore(context, dataset, tested, folder, options);
  return whileLocked(folder, "segmenting imagesTs", work, { wait: { stage: "predict" }, signal, onEvent });
}

/** Whether {@link testImages} would keep everything that is there. */
export async function areImagesTested(context: Context, dataset: RawDataset, tested: Tested): Promise<boolean> {
  const folder = testFolder(context, dataset, tested);
  if (!existsSync(folder)) return false;
  const ending = await segmentationEnding(dataset.json, dataset.testCases, {});
  const predictor = await loadPredictor(await modelsOf(context, dataset, tested), {
    postprocessor: context.stages.postprocessor,
  });
  try {
    const record = predictionRecord(recordIn(folder), predictor, usualPrediction(context));
    for (const files of dataset.testCases) {
      const outputs = await outputsOf(files, pathBelow(folder, `${files.id}${ending}`), false);
      if ((await record.stateOf(files, outputs)) !== "done") return false;
    }
  } finally {
    await predictor.dispose();
  }
  return !existsSync(join(dataset.folder, "labelsTs")) || existsSync(join(folder, "summary.json"));
}

const recordIn = (folder: string) => ({
  madeFrom: join(folder, "made_from.json"),
  name: "predictions",
  also: softwareVersion,
});

async function modelsOf(
  context: Context,
  dataset: RawDataset,
  tested: Tested,
  options: StageOptions = {},
): Promise<string | string[]> {
  if (isOfFolds(tested)) return modelsToAverage(context, dataset, tested, options);
  return finalPredictorFolder(context.folders, dataset.name, tested.plansName);
}

/**
 * As predict does unasked: a fold with a remark, "all" or one divided at random, is none of the cross-validation.
 *
 * @returns `model.onnx` of each
 */
async function modelsToAverage(
  { folders }: Context,
  { name }: RawDataset,
  { plansName, configuration, folds }: TestedFolds,
  { onEvent }: StageOptions = {},
): Promise<string[]> {
  const paths = resultsPaths(folders, name, plansName, configuration);
  const own = await Promise.all(
    folds.map(async (fold) => {
      const { model, summary } = paths.fold(fold);
      return { fold, model, remark: summaryFromJson(await readJson(summary), summary).remark };
    }),
  );
  const ofCrossValidation = own.filter(({ remark }) => remark === undefined);
  const numbered = own.filter(({ fold }) => fold !== "all");
  const averaged = [ofCrossValidation, numbered, own].find(({ length }) => length > 0)!;
  const leftOut = own.filter((each) => !averaged.includes(each)).map(({ fold }) => `fold ${fold}`);
  if (leftOut.length > 0) {
    const text = `${leftOut.join(", ")} left out of the mean for imagesTs: not of the cross-validation`;
    onEvent?.({ type: "message", stage: "predict", level: "info", text });
  }
  return averaged.map(({ model }) => model);
}

async function segmentAndScore(
  context: Context,
  dataset: RawDataset,
  tested: Tested,
  folder: string,
  { device, maxMemoryGb, signal, onEvent }: TestOptions,
): Promise<TestResult> {
  await refuseLink(folder);
  const paths = await modelsOf(context, dataset, tested, { onEvent });
  const inputHashes = await hashCases("predict", dataset.testCases, { signal });
  const ending = await segmentationEnding(dataset.json, dataset.testCases, { onEvent });
  const target = (files: CaseFiles) => pathBelow(folder, `${files.id}${ending}`);
  const predictor = await loadPredictor(paths, {
    device: device ?? "cpu",
    postprocessor: context.stages.postprocessor,
  });
  const configuration = predictor.members.map(({ models }) => models[0]!.metadata.configuration).join(" + ");
  try {
    const record = { ...recordIn(folder), inputHashes };
    const shared = { existing: "update", record, maxMemoryGb, signal, onEvent } as const;
    await predictCases(context, predictor, dataset.testCases, { target, ...shared });
  } finally {
    await predictor.dispose();
  }
  const references = join(dataset.folder, "labelsTs");
  if (!existsSync(references)) return { configuration, folder };
  const pairs = await pairFolders(references, folder);
  const scored = { overwrite: true, signal, onEvent };
  const summary = await evaluatePairs(context, pairs, dataset.json, join(folder, "summary.json"), scored);
  return { configuration, folder, summary };
}
