export { type AcceptanceRules, acceptanceRules } from "./acceptance-rules.ts";
export {
  type DeterminePostprocessingOptions,
  determinePostprocessing,
  type ValidationCase,
} from "./determine-postprocessing.ts";
export { keepLargestComponents, type LabelGroup } from "./keep-largest-components.ts";
export {
  applyPostprocessing,
  largestComponentsPostprocessor,
  type MeanDice,
  type Postprocessing,
  type PostprocessingDecision,
} from "./postprocessing.ts";
export { postprocessingFromJson, postprocessingToJson } from "./postprocessing-json.ts";
