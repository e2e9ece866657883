// What needs no files: the entry that bundlers for browsers take (condition "browser" in package.json).
export { caseInMemory } from "./case-in-memory.ts";
export { checkPreprocessed, type PreprocessedFrom } from "./check-preprocessed.ts";
export { classLocations } from "./class-locations.ts";
export { planesOfDecision } from "./decide-labels.ts";
export { normalizeChannel } from "./normalize.ts";
export { defaultPreprocessor, preprocessCase, usesMask } from "./preprocess-case.ts";
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
