import { type AugmentationParameters, defaultBatchSampler } from "@nnunet/augment";
import {
  type BatchSampler,
  type Evaluator,
  type FingerprintExtractor,
  InvalidArgumentError,
  type Planner,
  type Postprocessor,
  type Predictor,
  type Preprocessor,
  type Stage,
  type Trainer,
} from "@nnunet/core";
import { defaultEvaluator } from "@nnunet/evaluate";
import { defaultFingerprintExtractor } from "@nnunet/fingerprint";
import { defaultPredictor, type Model } from "@nnunet/inference";
import { defaultPlanner } from "@nnunet/planner";
import { defaultPostprocessor } from "@nnunet/postprocess";
import { defaultPreprocessor } from "@nnunet/preprocess";
import { defaultTrainer, type TrainingSettings } from "@nnunet/trainer";
import type { Folders } from "./folders.ts";

/** The replaceable stages, in the order of the data flow. Wrap a default one, or write your own. */
export interface Stages {
  readonly fingerprintExtractor: FingerprintExtractor;
  readonly planner: Planner;
  readonly preprocessor: Preprocessor;
  /** Patch sampling and augmentation. */
  readonly batchSampler: BatchSampler<AugmentationParameters>;
  /** Leaves checkpoints as `writeCheckpoint` of `@nnunet/trainer` writes them. */
  readonly trainer: Trainer<TrainingSettings>;
  readonly predictor: Predictor<Model>;
  readonly evaluator: Evaluator;
  /** Decides on the validation cases, and is carried by the final predictor. */
  readonly postprocessor: Postprocessor;
}

export const defaultStages: Stages = {
  fingerprintExtractor: defaultFingerprintExtractor,
  planner: defaultPlanner,
  preprocessor: defaultPreprocessor,
  batchSampler: defaultBatchSampler,
  trainer: defaultTrainer,
  predictor: defaultPredictor,
  evaluator: defaultEvaluator,
  postprocessor: defaultPostprocessor as Postprocessor,
};

/** What every step of the pipeline is given. */
export interface Context {
  readonly stages: Stages;
  readonly folders: Folders;
}

/**
 * The default stages, some of them replaced.
 *
 * @throws {InvalidArgumentError} if a replaced stage has no name, or the default's: what it makes could not be told from
 *   what the default makes, and would be kept instead of made
 */
export function replaceStages(replaced: Partial<Stages>): Stages {
  for (const [key, stage] of Object.entries(replaced) as [keyof Stages, Stage | undefined][]) {
    if (stage === undefined) continue;
    if (!Object.hasOwn(defaultStages, key)) {
      throw new InvalidArgumentError("stages", `some of ${Object.keys(defaultStages).join(", ")}`, key);
    }
    const standard: Stage = defaultStages[key];
    const isNamed = typeof stage.name === "string" && stage.name !== "";
    if (stage !== standard && !(isNamed && stage.name !== standard.name)) {
      throw new InvalidArgumentError(`stages.${key}.name`, `a name of its own, not the default stage's`, stage.name);
    }
  }
  const given = Object.fromEntries(Object.entries(replaced).filter(([, stage]) => stage !== undefined));
  return { ...defaultStages, ...given };
}

/** What of a stage goes into the hash of what it makes: its name, and its version where it has one. */
export function identity({ name, version }: Stage): string {
  return version === undefined ? name : `${name} ${version}`;
}
