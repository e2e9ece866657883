import type { FingerprintExtractor, Planner, Preprocessor } from "@nnunet/core";
import { createBatchSource } from "@nnunet/augment";
import { caseMetrics } from "@nnunet/evaluate";
import { defaultFingerprintExtractor } from "@nnunet/fingerprint";
import { predictImage } from "@nnunet/inference";
import { defaultPlanner } from "@nnunet/planner";
import { defaultPreprocessor } from "@nnunet/preprocess";
import { trainModel } from "@nnunet/trainer";
import type { Folders } from "./folders.ts";

/** The replaceable stretches of the road. Wrap a default one, or write your own. */
export interface Stages {
  readonly fingerprintExtractor: FingerprintExtractor;
  readonly planner: Planner;
  readonly preprocessor: Preprocessor;
  /** Patch sampling and augmentation. */
  readonly createBatchSource: typeof createBatchSource;
  readonly trainModel: typeof trainModel;
  readonly predictImage: typeof predictImage;
  readonly caseMetrics: typeof caseMetrics;
}

export const defaultStages: Stages = {
  fingerprintExtractor: defaultFingerprintExtractor,
  planner: defaultPlanner,
  preprocessor: defaultPreprocessor,
  createBatchSource,
  trainModel,
  predictImage,
  caseMetrics,
};

/** What every step of the pipeline is given. */
export interface Context {
  readonly stages: Stages;
  readonly folders: Folders;
}
