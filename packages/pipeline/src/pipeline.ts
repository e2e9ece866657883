import type { EvaluationSummary, ModelDataset, Plans, RawDataset, StageOptions } from "@nnunet/core";
import { whileLocked } from "@nnunet/core/node";
import type { VerificationReport } from "@nnunet/io";
import { verifyFolder } from "./steps/verify-once.ts";
import type { PoolOptions } from "./workers/case-pool.ts";
import { type EvaluationOptions, type EvaluationPair, evaluatePairs } from "./steps/evaluate-folders.ts";
import { exportModel } from "./steps/export-model.ts";
import { type FingerprintResult, fingerprintDataset } from "./steps/fingerprint-dataset.ts";
import { type Fold, type Folders, resolveFolders } from "./folders.ts";
import { findModelFolder, findPredictorFolder } from "./prediction/find-models.ts";
import type { LoadedPredictor } from "./prediction/load-predictor.ts";
import { loadPlans, type PlanOptions, type PlanResult, planDataset } from "./steps/plan-dataset.ts";
import { type PredictionOptions, predictFiles } from "./prediction/predict-files.ts";
import { type PreprocessResult, preprocessDataset } from "./steps/preprocess-dataset.ts";
import { type DatasetStatus, datasetStatus, rehearseRun } from "./jobs/dataset-status.ts";
import { openOrConvert, type RunResult, runDataset } from "./jobs/run-dataset.ts";
import type { RunOptions } from "./jobs/run-options.ts";
import { type Tested, testImages, type TestOptions, type TestResult } from "./steps/test-images.ts";
import { type ReportOptions, type ReportResult, writeReport } from "./reporting/write-report.ts";
import { ensembleFolders, type EnsembleOptions } from "./selection/ensemble-folders.ts";
import { postprocessFiles, type PostprocessOptions } from "./selection/postprocess-files.ts";
import { type BestPredictor, findBest, type FindBestOptions } from "./selection/find-best.ts";
import { type Config, stagesOfConfig } from "./config/config.ts";
import { replaceStages, type Stages } from "./stages.ts";
import { type DivisionOptions, type SplitResult, splitDataset } from "./training/splits.ts";
import { withRecipe } from "./variants/recipe.ts";
import { type TrainFoldResult, type TrainOptions, trainFold } from "./training/train-fold.ts";

/** nnU-Net's stages in order, each from artefact to artefact. */
export interface Pipeline {
  readonly stages: Stages;
  readonly folders: Folders;
  /** A dataset by id, name or folder; a Decathlon or nnU-Net v1 folder is converted, once. */
  open(named: string, options?: StageOptions): Promise<RawDataset>;
  /** The integrity check of a dataset's folder; `record` notes that it passed, so that `run` need not look again. */
  verify(folder: string, options?: StageOptions & { readonly record?: boolean }): Promise<VerificationReport>;
  /** Raw dataset → `dataset_fingerprint.json`. */
  fingerprint(dataset: RawDataset, options?: PoolOptions): Promise<FingerprintResult>;
  /** `dataset_fingerprint.json` → `<plansName>.json`: nnUNetPaperPlans.json by the default rules. */
  plan(dataset: RawDataset, options?: PlanOptions): Promise<PlanResult>;
  /** Training cases → `splits_final.json`, which every training follows; one that is there is kept. */
  split(dataset: RawDataset, options?: DivisionOptions & StageOptions): Promise<SplitResult>;
  /** A plan from disk; its name may be left out where there is only one. */
  loadPlans(dataset: RawDataset, plansName?: string): Promise<Plans>;
  /** Raw cases + plan → preprocessed cases. */
  preprocess(
    dataset: RawDataset,
    plans: Plans,
    configurations: readonly string[],
    options?: PoolOptions,
  ): Promise<PreprocessResult[]>;
  /** Preprocessed cases → checkpoints, `model.onnx`, validation scores. */
  train(
    dataset: RawDataset,
    plans: Plans,
    configuration: string,
    fold: Fold,
    options?: TrainOptions,
  ): Promise<TrainFoldResult>;
  /** `…/nnUNetTrainer__<plans>__3d_fullres` of a dataset; the plan may be left out where only one was trained. */
  modelFolder(dataset: RawDataset, configuration: string, plansName?: string): Promise<string>;
  /** `…/nnUNetPredictor__<plans>` of a dataset; the plan may be left out where only one has a final predictor. */
  predictorFolder(dataset: RawDataset, plansName?: string): Promise<string>;
  /** Trained folds → one `model.onnx`, for a cascade one for each of its networks; returns the files. */
  exportModel(modelFolder: string, configuration: string, folds: readonly Fold[], output: string): Promise<string[]>;
  /** Images + predictor, of `loadPredictor` or `predictorOf` → segmentations. */
  predict(predictor: LoadedPredictor, input: string, output: string, options?: PredictionOptions): Promise<string[]>;
  /** Segmentations + references → `summary.json`. */
  evaluate(
    pairs: readonly EvaluationPair[],
    dataset: ModelDataset,
    output: string | undefined,
    options?: EvaluationOptions,
  ): Promise<EvaluationSummary>;
  /** The images of imagesTs → segmentations, and scores where labelsTs is there. */
  test(dataset: RawDataset, tested: Tested, options?: TestOptions): Promise<TestResult>;
  /** All that is known of a dataset and a plan → one HTML page. Without a plan, what there is before one. */
  report(dataset: RawDataset, plans: Plans | undefined, options?: ReportOptions): Promise<ReportResult>;
  /** Stored probabilities of several folders → the segmentations that their mean gives. */
  ensemble(inputs: readonly string[], output: string, options?: EnsembleOptions): Promise<string[]>;
  /** Segmentations + a decided `postprocessing.json`, or the final predictor that has it → treated segmentations. */
  postprocess(input: string, output: string, decided: string, options?: PostprocessOptions): Promise<string[]>;
  /** Trained folds → the configuration or ensemble with the best cross-validation, as a folder that predicts by itself. */
  findBest(dataset: RawDataset, plans: Plans, options?: FindBestOptions): Promise<BestPredictor>;
  /** All of the above in order, skipping what is done. */
  run(dataset: string, options?: RunOptions): Promise<RunResult>;
  /** The jobs that `run` would do, and how far each is; nothing is written. */
  rehearse(dataset: RawDataset, options?: RunOptions & { readonly probe?: boolean }): Promise<DatasetStatus>;
  /** How far the latest run is; may be asked while it works. */
  status(dataset: RawDataset, options?: Pick<RunOptions, "workers" | "signal" | "onEvent">): Promise<DatasetStatus>;
}

/**
 * The pipeline with the default stages, or with some of them replaced.
 *
 * @param config - stages to replace, or pieces of them; wrap a default one: `{ planner: { ...defaultPlanner, name:
 *   "mine", plan } }`, or take those of a file from {@link loadConfig}. What a replaced stage touches is made again by
 *   `run`, because its name, its version and the content of its module are part of what everything was made from
 * @param folders - those that should not come from nnU-Net's environment variables
 * @throws {InvalidArgumentError} if a replaced stage keeps the name of the default one
 * @example const pipeline = createPipeline({ planner: isotropicPlanner }, { raw: "data/raw" });
 */
export function createPipeline(config: Config = {}, folders: Partial<Folders> = {}): Pipeline {
  const context = {
    stages: replaceStages(stagesOfConfig(config)),
    folders: resolveFolders(folders, process.env, process.cwd()),
  };
  return {
    ...context,
    open: (named, options) => openOrConvert(context, named, options),
    verify: (folder, options) => verifyFolder(context, folder, options),
    fingerprint: (dataset, options) => fingerprintDataset(context, dataset, options),
    plan: (dataset, options) => planDataset(context, dataset, options),
    split: (dataset, options) => splitDataset(context.folders, dataset, options),
    loadPlans: (dataset, plansName) => loadPlans(context.folders, dataset, plansName),
    preprocess: (dataset, plans, configurations, options) =>
      preprocessDataset(context, dataset, plans, configurations, options),
    train: async (dataset, plans, configuration, fold, options = {}) =>
      trainFold(context, dataset, plans, configuration, fold, withRecipe(context.stages.trainer, plans, options)),
    modelFolder: (dataset, configuration, plansName) =>
      findModelFolder(context.folders, dataset, configuration, plansName),
    predictorFolder: (dataset, plansName) => findPredictorFolder(context.folders, dataset, plansName),
    exportModel: (modelFolder, configuration, folds, output) =>
      whileLocked(output, "exporting a model", () => exportModel(modelFolder, configuration, folds, output)),
    predict: (predictor, input, output, options) => predictFiles(context, predictor, input, output, options),
    evaluate: (pairs, dataset, output, options) => evaluatePairs(context, pairs, dataset, output, options),
    test: (dataset, tested, options) => testImages(context, dataset, tested, options),
    rehearse: (dataset, options) => rehearseRun(context, dataset, options),
    status: (dataset, options) => datasetStatus(context, dataset, options),
    report: (dataset, plans, options) => writeReport(context, dataset, plans, options),
    ensemble: ensembleFolders,
    postprocess: (input, output, decided, options) => postprocessFiles(context, input, output, decided, options),
    findBest: (dataset, plans, options) => findBest(context, dataset, plans, options),
    run: (dataset, options) => runDataset(context, dataset, options),
  };
}
