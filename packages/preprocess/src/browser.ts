// What needs no files: the entry that bundlers for browsers take (condition "browser" in package.json).
export { caseInMemory } from "./case-in-memory.ts";
export { classLocations } from "./class-locations.ts";
export { normalizeChannel } from "./normalize.ts";
export { defaultPreprocessor, preprocessCase } from "./preprocess-case.ts";
export { anisotropicAxis, resampledGrid, resampledShape } from "./resampling-plan.ts";
export { segmentationOnGrid } from "./segmentation-on-grid.ts";
export {
  probabilityChannels,
  type RestoreOptions,
  restoreProbabilities,
  restoreSegmentation,
} from "./restore-segmentation.ts";
