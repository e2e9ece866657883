import { type AugmentationParameters, defaultBatchSampler } from "@nnunet/augment";
import {
  type BatchSampler,
  type Evaluator,
  type FingerprintExtractor,
  InvalidArgumentError,
  type NetworkBuilder,
  type Planner,
  type Postprocessor,
  type Predictor,
  type Preprocessor,
  type Stage,
  type Trainer,
} from "@nnunet/core";
import { fileURLToPath } from "node:url";
import { defaultEvaluator } from "@nnunet/evaluate";
import { defaultFingerprintExtractor } from "@nnunet/fingerprint";
import { defaultPredictor, type Model } from "@nnunet/inference";
import { defaultPlanner } from "@nnunet/planner";
import { defaultPostprocessor } from "@nnunet/postprocess";
import { defaultPreprocessor } from "@nnunet/preprocess";
import { defaultTrainer, type TrainingSettings } from "@nnunet/trainer";
import { defaultNetwork } from "@nnunet/unet-model";
import { moduleContent } from "./config/module-loader.ts";
import { stageOrigin, setOrigin } from "./config/stage-origin.ts";
import { type Folders, preprocessedPaths } from "./folders.ts";
import { contentHash } from "./records/made-from.ts";

/** The replaceable stages, in the order of the data flow. Wrap a default one, or write your own. */
export interface Stages {
  readonly fingerprintExtractor: FingerprintExtractor;
  readonly planner: Planner;
  readonly preprocessor: Preprocessor;
  /** Patch sampling and augmentation. */
  readonly batchSampler: BatchSampler<AugmentationParameters>;
  /** The network that is trained. */
  readonly network: NetworkBuilder;
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
  network: defaultNetwork,
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

/** Functions that a stage may lack. */
const optional: readonly string[] = ["merge", "memoryOf"];

/**
 * The default stages, some of them replaced.
 *
 * @throws {InvalidArgumentError} if a replaced stage has no name, or the default's: what it makes could not be told from
 *   what the default makes, and would be kept instead of made; or if it lacks a function
 */
export function replaceStages(replaced: Partial<Stages>): Stages {
  for (const [key, stage] of Object.entries(replaced) as [keyof Stages, Stage | undefined][]) {
    const standard: Stage = defaultStages[key];
    if (stage === undefined || stage === standard) continue;
    if (typeof stage !== "object" || stage === null) throw new InvalidArgumentError(`stages.${key}`, "a stage", stage);
    const isNamed = typeof stage.name === "string" && stage.name !== "";
    if (!isNamed || stage.name === standard.name) {
      throw new InvalidArgumentError(`stages.${key}.name`, `a name of its own, not the default stage's`, stage.name);
    }
    const members = stage as unknown as Readonly<Record<string, unknown>>;
    for (const [name, member] of Object.entries(standard)) {
      if (typeof member !== "function" || typeof members[name] === "function") continue;
      if (optional.includes(name) && members[name] === undefined) continue;
      throw new InvalidArgumentError(`stages.${key}.${name}`, "a function", members[name]);
    }
    if (stage.module !== undefined && stageOrigin(stage) === undefined) {
      const { module } = stage;
      const sha256 = module.startsWith("file:") ? moduleContent(fileURLToPath(module))?.sha256 : undefined;
      setOrigin(stage, { module, sha256 });
    }
  }
  const given = Object.fromEntries(Object.entries(replaced).filter(([, stage]) => stage !== undefined));
  return { ...defaultStages, ...given };
}

/**
 * What of a stage goes into the hash of what it makes: its name, its version where it has one, and where it comes from a
 * module what that holds.
 *
 * @example identity(stage); // "mine 2 (sha256 5f0c9b7d3a1e4c62)"
 */
export function identity(stage: Stage): string {
  const { name, version } = stage;
  const sha256 = stageOrigin(stage)?.sha256?.slice(0, 16);
  return [name, version, sha256 && `(sha256 ${sha256})`].filter((part) => part !== undefined).join(" ");
}

/**
 * Where the preprocessed cases of a configuration lie. Those of a preprocessor of one's own, and of each version of it, have a folder
 * of their own: a training reads its cases until it ends, and knows them by nothing else.
 */
export function casesFolder({ folders, stages }: Context, dataset: string, dataIdentifier: string): string {
  const made = identity(stages.preprocessor);
  const isDefault = made === identity(defaultStages.preprocessor);
  const readable = stages.preprocessor.name.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 40);
  const by = isDefault ? "" : `_${readable}-${contentHash(made).slice(0, 8)}`;
  return preprocessedPaths(folders, dataset).cases(dataIdentifier, by);
}
