export {
  type Checkpoint,
  type EpochRecord,
  readCheckpoint,
  type StoredCheckpoint,
  type TrainingSettings,
  writeCheckpoint,
} from "./checkpoint.ts";
export type {
  CompileOptions,
  Device,
  EvaluationResult,
  StepResult,
  TrainingEngine,
  TrainingSession,
} from "./engine.ts";
export { deepSupervisionLoss, deepSupervisionWeights } from "./losses/deep-supervision.ts";
export { type DiceCrossEntropyOptions, diceCrossEntropy, type Loss } from "./losses/loss.ts";
export { ortEngine } from "./ort/ort-engine.ts";
export { defaultSgd, type SgdOptions } from "./ort/sgd.ts";
export { Tape, type Value } from "./ort/tape.ts";
export { polyLearningRate } from "./poly-learning-rate.ts";
export { checkpointFiles, trainModel, type TrainingResult, type TrainOptions } from "./train-model.ts";
