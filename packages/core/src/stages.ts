import type { DatasetJson, Fingerprint, LoadedCase, ModelDataset, Plans, PreprocessedCase } from "./artefacts.ts";

/*
 * A stage is a name, written into the artefact that it makes, and a function from artefact to artefact. Replace one by
 * wrapping it: `{ ...defaultPlanner, name: "mine", plan: (f, d, o) => tweak(defaultPlanner.plan(f, d, o)) }`.
 */

export interface PlannerOptions {
  /** "paper" by default. */
  readonly ruleSet?: string;
  /** Memory of the GPU to plan for, in GB. The rule set's own by default (paper: 11). */
  readonly gpuMemoryGb?: number;
  /** Overrides the 3D target spacing: [z, y, x] mm, before transposition. */
  readonly targetSpacing?: readonly [number, number, number];
  /** Overrides of blueprint parameters by name (Supplement G); the planner's README lists them. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

export interface Planner {
  readonly name: string;
  /** Pure: the same inputs give the same plans, byte for byte. */
  plan(fingerprint: Fingerprint, dataset: DatasetJson, options?: PlannerOptions): Plans;
}

/** What one case contributes to the fingerprint; mergeable, so that cases can be measured in any order and place. */
export interface FingerprintExtractor<Measurement = unknown> {
  readonly name: string;
  measureCase(loaded: LoadedCase, dataset: DatasetJson): Measurement;
  /** Several measurements as one, so that memory need not grow with the number of cases; `combine([merged])` gives the same. */
  merge?(measurements: readonly Measurement[]): Measurement;
  /** The result does not depend on how the cases were distributed over workers. */
  combine(measurements: readonly Measurement[], dataset: DatasetJson): Fingerprint;
}

export interface Preprocessor {
  readonly name: string;
  preprocessCase(loaded: LoadedCase, plans: Plans, configuration: string, dataset: ModelDataset): PreprocessedCase;
}

export interface Postprocessor {
  readonly name: string;
  /** Labels [z, y, x] in, labels of the same shape out; the input is left alone. */
  apply(segmentation: Int16Array, shape: readonly [number, number, number]): Int16Array;
}
