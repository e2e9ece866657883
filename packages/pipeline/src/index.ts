export type { DecidedPostprocessing } from "./prediction/decided-postprocessing.ts";
export { type BatchWorkersOptions, createBatchWorkers } from "./workers/batch-workers.ts";
export type { SourceDescription } from "./workers/source-description.ts";
export type { PoolOptions } from "./workers/case-pool.ts";
export { descriptionFromJson as predictorDescriptionFromJson } from "./prediction/predictor-description.ts";
export { pairedModel } from "./cascade/previous-models.ts";
export { exportedFiles } from "./steps/export-model.ts";
export { type EvaluationPair, pairFolders } from "./steps/evaluate-folders.ts";
export { exportForV2 } from "./steps/export-v2.ts";
export { createPredictor } from "./embedding/create-predictor.ts";
export type {
  EmbeddedPredictor,
  EmbeddedPredictorOptions,
  Prediction,
  PredictOptions,
} from "./embedding/embedded-predictor.ts";
export type { FingerprintResult } from "./steps/fingerprint-dataset.ts";
export {
  finalPredictorFolder,
  type Fold,
  crossvalFolder,
  type Folders,
  foldPaths,
  modelFolderPaths,
  predictorPaths,
  preprocessedPaths,
  resolveFolders,
  resultsPaths,
  TRAINER_NAME,
} from "./folders.ts";
export { importForeign, type ImportModelOptions, type ImportResult } from "./steps/import-model.ts";
export { fastPrediction } from "./prediction/fast-prediction.ts";
export { inputCases } from "./prediction/input-cases.ts";
export { labelsFound } from "./steps/labels-found.ts";
export { modelFiles } from "./prediction/find-models.ts";
export { dividedOtherwise } from "./training/division.ts";
export {
  type LoadedPredictor,
  loadPredictor,
  type LoadPredictorOptions,
  predictorOf,
} from "./prediction/load-predictor.ts";
export { type Config, defineConfig } from "./config/config.ts";
export { findConfig, loadConfig } from "./config/load-config.ts";
export { type CompareOptions, type Comparison, compareVariants } from "./selection/compare-variants.ts";
export { createPipeline, type Pipeline } from "./pipeline.ts";
export { shownRecipe } from "./reporting/trained-recipes.ts";
export { plansAmong } from "./variants/variant-plans.ts";
export type { PlanOptions, PlanResult } from "./steps/plan-dataset.ts";
export { namesOneFile } from "./prediction/prediction-output.ts";
export type { PredictionOptions } from "./prediction/predict-files.ts";
export type { PreprocessResult } from "./steps/preprocess-dataset.ts";
export type { PretrainedRecord, TransferRow } from "./training/pretrained/begin-with.ts";
export { effectivePlans, type SizeOptions } from "./training/reduced-size.ts";
export type { Job, JobEstimate, JobState, JobStatus } from "./jobs/job.ts";
export type { DatasetStatus } from "./jobs/dataset-status.ts";
export type { RunOptions } from "./jobs/run-options.ts";
export type { GivenUp } from "./budget/given-up.ts";
export type { RunEffort } from "./jobs/run-work.ts";
export type { RunResult } from "./jobs/run-dataset.ts";
export { convertedFolder, isUnconverted } from "./steps/unconverted.ts";
export type { Tested, TestedFolds, TestOptions, TestResult } from "./steps/test-images.ts";
export { softwareVersion } from "./software-version.ts";
export { defaultStages, type Stages } from "./stages.ts";
export type { DivisionOptions, SplitResult } from "./training/splits.ts";
export type { TrainFoldResult, TrainOptions } from "./training/train-fold.ts";
export { type SeedSpread, seedSpreads } from "./reporting/seed-spread.ts";
export type { ReportOptions, ReportResult } from "./reporting/write-report.ts";
export type { BestPredictor, FindBestOptions } from "./selection/find-best.ts";
