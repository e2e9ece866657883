export { type AcceptanceRules, acceptanceRules } from "./acceptance-rules.ts";
export { defaultPostprocessor } from "./default-postprocessor.ts";
export { postprocessorConformance } from "./postprocessor-conformance.ts";
export { type DeterminePostprocessingOptions, determinePostprocessing } from "./determine-postprocessing.ts";
export { keepLargestComponents, type LabelGroup } from "./keep-largest-components.ts";
export {
  applyPostprocessing,
  type MeanDice,
  type Postprocessing,
  type PostprocessingDecision,
} from "./postprocessing.ts";
export { type PostprocessingTrial, postprocessingTrials } from "./postprocessing-trials.ts";
export { postprocessingFromJson, postprocessingToJson } from "./postprocessing-json.ts";
