export { meanChannels, segmentationFromMean } from "./ensemble-stored.ts";
export { ensembleProbabilities, segmentationFromProbabilities } from "./ensemble.ts";
export { type InspectedModel, inspectModel, readModelWeights } from "./guard/check-model.ts";
export { gaussianImportance } from "./gaussian-importance.ts";
export type { AnswerPart } from "./head/answer-parts.ts";
export { predictorConformance } from "./predictor-conformance.ts";
export { defaultPredictor } from "./default-predictor.ts";
export { predictorWithPreprocessor } from "./predictor-with-preprocessor.ts";
export { type LoadModelOptions, loadModel, type Model } from "./load-model.ts";
export { describeMemory, estimateMemory, type PredictionMemory } from "./memory-estimate.ts";
export {
  type Device,
  type NetworkSession,
  nodeSessions,
  type OnnxRuntime,
  onnxRuntimeSessions,
  type SessionFactory,
  type SessionOptions,
  type TensorInfo,
} from "./network-session.ts";
export { patchStarts } from "./patch-starts.ts";
export {
  defaultMaxPatches,
  type PredictionLimits,
  type PredictionSize,
  predictionSize,
  refuseLargePrediction,
} from "./prediction-size.ts";
export { checkPrevious, withPreviousChannels } from "./previous-stage.ts";
export { type CaseScores, predictCase } from "./predict-case.ts";
export type { PredictCaseOptions } from "./sliding-window.ts";
export { type PredictImageOptions, predictImage } from "./predict-image.ts";
export type { PredictorMember } from "./predictor-member.ts";
