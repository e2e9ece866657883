export {
  bootstrapInterval,
  type BootstrapOptions,
  bootstrapSuperiority,
  type CaseScores,
  type Interval,
} from "./bootstrap.ts";
export { caseMetrics } from "./case-metrics.ts";
export { defaultEvaluator } from "./default-evaluator.ts";
export { crossValidationSplits, splitOfFold, splitsFromJson } from "./splits.ts";
export { summarise } from "./summarise.ts";
export { summaryFromJson, summaryFromText, summaryToJson } from "./summary-json.ts";
export { summaryTable } from "./summary-table.ts";
export { squaredDistances } from "./distance-transform.ts";
export { type SurfaceMetrics, surfaceMetrics, volumeError } from "./surface-metrics.ts";
export {
  type Candidate,
  candidateConfigurations,
  findBestConfiguration,
  type RankedCandidate,
} from "./find-best-configuration.ts";
