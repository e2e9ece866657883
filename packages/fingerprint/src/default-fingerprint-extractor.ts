import type { FingerprintExtractor } from "@nnunet/core";
import { combineMeasurements, mergeMeasurements } from "./combine-measurements.ts";
import { type CaseMeasurement, measureCase } from "./measure-case.ts";

const name = "default";

/** The paper's fingerprint: measure each case anywhere, combine once. */
export const defaultFingerprintExtractor: FingerprintExtractor<CaseMeasurement> = {
  name,
  measureCase,
  merge: mergeMeasurements,
  combine: (measurements, dataset) => ({ ...combineMeasurements(measurements, dataset), extractor: name }),
};
