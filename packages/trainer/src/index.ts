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
  OptimiserState,
  StepResult,
  TrainingEngine,
  TrainingSession,
} from "./engine.ts";
export { deepSupervisionLoss, deepSupervisionWeights } from "./losses/deep-supervision.ts";
export { type DiceCrossEntropyOptions, diceCrossEntropy, type Loss } from "./losses/loss.ts";
export type { LossScaling } from "./loss-scaling.ts";
export { lossConformance } from "./losses/loss-conformance.ts";
export { type LossMaker, type LossScope, losses } from "./losses/losses.ts";
export { topKCrossEntropy, type TopKOptions } from "./losses/top-k.ts";
export type { Tape, Value } from "./losses/tape.ts";
export { ortEngine } from "./ort/ort-engine.ts";
export { OnnxTape, type OnnxValue } from "./ort/onnx-tape.ts";
export { adam, type AdamOptions, defaultAdam } from "./optimisers/adam.ts";
export type { Optimiser, StepInputs } from "./optimisers/optimiser.ts";
export { defaultSgd, sgd, type SgdOptions } from "./optimisers/sgd.ts";
export { polyLearningRate } from "./poly-learning-rate.ts";
export { checkpointFiles } from "./find-checkpoint.ts";
export { trainModel, type TrainingResult } from "./train-model.ts";
export { createTrainer, defaultTrainer, type OwnLoss, type TrainerOptions, trainerWithLoss } from "./trainer.ts";
export { trainerConformance } from "./trainer-conformance.ts";
export { engines, type TrainerParts } from "./trainer-parts.ts";
export {
  completeTrainingSettings,
  recipeOf,
  type TrainingSettings,
  trainingSettingsSchema,
} from "./training-settings.ts";
export { TensorTape } from "./tfjs/tensor-tape.ts";
export { type ImportPackage, loadTfjs, seesGpu } from "./tfjs/load-tfjs.ts";
export type { LoadedTfjs } from "./tfjs/loaded-tfjs.ts";
export { createTfjsEngine, tfjsEngine } from "./tfjs/tfjs-engine.ts";
