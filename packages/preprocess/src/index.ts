export { caseInMemory } from "./case-in-memory.ts";
export {
  openPreprocessedCase,
  readPreprocessedCase,
  type StoredCase,
  storedHash,
  writePreprocessedCase,
} from "./case-store.ts";
export { checkPreprocessed, type PreprocessedFrom } from "./check-preprocessed.ts";
export { classLocations } from "./class-locations.ts";
export { planesOfDecision } from "./decide-labels.ts";
export { fileSha256, hashFiles, preprocessedHash } from "./content-hash.ts";
export { normalizeChannel } from "./normalize.ts";
export { defaultPreprocessor, type PreprocessCaseOptions, preprocessCase, usesMask } from "./preprocess-case.ts";
export { preprocessorConformance } from "./preprocessor-conformance.ts";
export { preprocessingBytes } from "./preprocessing-bytes.ts";
export { probabilitiesInMemory } from "./probabilities-in-memory.ts";
export type { Box } from "./probability-grid.ts";
export {
  openProbabilities,
  probabilitiesSha256,
  type ProbabilityHeader,
  type ProbabilityReader,
  storedProbabilitiesHash,
  writeProbabilities,
} from "./probability-store.ts";
export {
  type NumberRoom,
  type PreprocessedImage,
  preprocessImage,
} from "./preprocess-image.ts";
export { anisotropicAxis, resampledGrid, resampledShape } from "./resampling-plan.ts";
export { segmentationOnGrid } from "./segmentation-on-grid.ts";
export {
  probabilityChannels,
  type RestoreOptions,
  restoreProbabilities,
  restoreSegmentation,
  SegmentationRestorer,
} from "./restore-segmentation.ts";
export { type ScoreSource, type ScoreWindow, scoresInMemory } from "./score-source.ts";
