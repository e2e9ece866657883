export { combineMeasurements, mergeMeasurements } from "./combine-measurements.ts";
export { compareFingerprints, type FingerprintComparison } from "./compare-fingerprints.ts";
export type { ComparedProperty } from "./compared-properties.ts";
export { fingerprintConformance } from "./fingerprint-conformance.ts";
export { defaultFingerprintExtractor } from "./default-fingerprint-extractor.ts";
export {
  emptyHistogram,
  type IntensityHistogram,
  intensityHistogram,
  maximumBins,
  mergeHistograms,
  percentile,
} from "./intensity-histogram.ts";
export { type CaseMeasurement, type CaseRecord, type ForegroundMoments, measureCase } from "./measure-case.ts";
