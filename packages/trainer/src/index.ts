export {
  type Checkpoint,
  type EpochRecord,
  type CheckpointSettings,
  readCheckpoint,
  type StoredCheckpoint,
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
export { type LossMaker, type LossScope, losses } from "./losses/losses.ts";
export { ortEngine } from "./ort/ort-engine.ts";
export { defaultSgd, type SgdOptions } from "./ort/sgd.ts";
export { Tape, type Value } from "./ort/tape.ts";
export { polyLearningRate } from "./poly-learning-rate.ts";
export { checkpointFiles } from "./find-checkpoint.ts";
export { trainModel, type TrainingResult } from "./train-model.ts";
export { createTrainer, defaultTrainer, type TrainerOptions } from "./trainer.ts";
export { engines, type TrainerParts } from "./trainer-parts.ts";
export { completeTrainingSettings, type TrainingSettings } from "./training-settings.ts";
