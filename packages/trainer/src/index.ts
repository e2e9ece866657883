export type { CompileOptions, Device, EvaluationResult, StepResult, TrainingEngine, TrainingSession } from "./engine.ts";
export { deepSupervisionLoss, deepSupervisionWeights } from "./losses/deep-supervision.ts";
export { type DiceCrossEntropyOptions, diceCrossEntropy, type Loss } from "./losses/loss.ts";
export { ortEngine } from "./ort/ort-engine.ts";
export { defaultSgd, type SgdOptions } from "./ort/sgd.ts";
export { Tape, type Value } from "./ort/tape.ts";
