export {
  bootstrapInterval,
  type BootstrapOptions,
  bootstrapSuperiority,
  type CaseScores,
  type Interval,
} from "./bootstrap.ts";
export { drawRankings } from "./draw-rankings.ts";
export { caseMetrics, labelGroups } from "./case-metrics.ts";
export { checkedMetrics } from "./check-metrics.ts";
export { evaluatorConformance } from "./evaluator-conformance.ts";
export { defaultEvaluator } from "./default-evaluator.ts";
export { dividedGroup, groupedSplits } from "./grouped-splits.ts";
export { crossValidationSplits, splitOfFold, splitsFromJson, splitsOnAllCases, validatesOnTraining } from "./splits.ts";
export {
  type DatasetScores,
  type RankedVariant,
  type Ranking,
  rankOverDatasets,
  rankVariants,
  type VariantScores,
} from "./rank-variants.ts";
export { summarise } from "./summarise.ts";
export { summaryFromJson, summaryFromText, summaryToJson, summaryToText } from "./summary-json.ts";
export { summaryTable } from "./summary-table.ts";
export { surfaceTable } from "./surface-table.ts";
export { type Certainty, certaintyOf, fewestForInterval, fewestToCompare } from "./certainty.ts";
export { type DiceIntervals, diceIntervals, groupCount } from "./dice-intervals.ts";
export { emptyCasesPolicy, type SurfaceSummary, summariseSurfaces } from "./summarise-surfaces.ts";
export { labelTitles } from "./label-titles.ts";
export { type LabelNotFound, labelsNotFound, leastDice } from "./labels-not-found.ts";
export { squaredDistances } from "./distance-transform.ts";
export { surfaceMetrics, volumeError } from "./surface-metrics.ts";
export {
  type Candidate,
  candidateConfigurations,
  findBestConfiguration,
  type RankedCandidate,
} from "./find-best-configuration.ts";
