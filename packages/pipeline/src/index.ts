export { type BatchWorkersOptions, createBatchWorkers, type SourceDescription } from "./batch-workers.ts";
export type { PoolOptions } from "./case-pool.ts";
export { type EvaluationPair, pairFolders } from "./evaluate-folders.ts";
export type { FingerprintResult } from "./fingerprint-dataset.ts";
export {
  type Fold,
  type Folders,
  foldPaths,
  modelFolderPaths,
  preprocessedPaths,
  resolveFolders,
  resultsPaths,
  TRAINER_NAME,
} from "./folders.ts";
export { imageStem, inputCases } from "./input-cases.ts";
export { labelsFound } from "./labels-found.ts";
export { modelFiles } from "./model-files.ts";
export { createPipeline, type Pipeline } from "./pipeline.ts";
export type { PlanResult } from "./plan-dataset.ts";
export { namesOneFile } from "./prediction-output.ts";
export type { PredictionOptions } from "./predict-files.ts";
export type { PreprocessResult } from "./preprocess-dataset.ts";
export { effectivePlans, type SizeOptions } from "./reduced-size.ts";
export type { RoadOptions, RoadResult, TestResult } from "./run-road.ts";
export { softwareVersion } from "./software-version.ts";
export { defaultStages, type Stages } from "./stages.ts";
export type { TrainFoldResult, TrainOptions } from "./train-fold.ts";
