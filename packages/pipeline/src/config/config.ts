import { type Augmentation, createBatchSampler } from "@nnunet/augment";
import { InvalidArgumentError } from "@nnunet/core";
import { predictorWithPreprocessor } from "@nnunet/inference";
import { type OwnLoss, trainerWithLoss } from "@nnunet/trainer";
import { defaultStages, type Stages } from "../stages.ts";

/** What of the method is one's own: whole stages, or one piece of a stage. What is not named stays nnU-Net's. */
export interface Config extends Partial<Stages> {
  /** Instead of `batchSampler`: the default sampler with this augmentation after ours. */
  readonly augmentation?: Augmentation;
  /** Instead of `trainer`: the default trainer with this loss. */
  readonly loss?: OwnLoss;
}

/** The pieces of a stage: which stage is made with it, and what of it is to be a function. */
const pieces = {
  augmentation: { stage: "batchSampler", method: "augment" },
  loss: { stage: "trainer", method: "create" },
} as const satisfies Record<string, { readonly stage: keyof Stages; readonly method: string }>;

/**
 * Gives a config its types; the value is the same.
 *
 * @example
 * // nnunet.config.ts
 * export default defineConfig({ augmentation: { name: "negative", augment({ data }) { … } } });
 */
export function defineConfig(config: Config): Config {
  return config;
}

/**
 * A config as stages alone. With a preprocessor comes a predictor that preprocesses by it.
 *
 * @throws {InvalidArgumentError} for a key that there is not, or if a piece has no name or function, or its stage is replaced as well
 */
export function stagesOfConfig(config: Config): Partial<Stages> {
  const known = [...Object.keys(defaultStages), ...Object.keys(pieces)];
  const odd = Object.keys(config).find((key) => !known.includes(key));
  if (odd !== undefined) throw new InvalidArgumentError("stages", `some of ${known.join(", ")}`, odd);
  const { augmentation, loss, ...stages } = config;
  for (const [key, { stage, method }] of Object.entries(pieces)) {
    const piece = config[key as keyof typeof pieces] as Readonly<Record<string, unknown>> | undefined;
    if (piece === undefined) continue;
    if (config[stage] !== undefined) {
      throw new InvalidArgumentError(key, `one of ${key} and ${stage}, which holds the ${key}`, "both");
    }
    if (typeof piece !== "object" || piece === null) throw new InvalidArgumentError(key, "an object", piece);
    if (typeof piece["name"] !== "string" || piece["name"] === "") {
      throw new InvalidArgumentError(`${key}.name`, "a name", piece["name"]);
    }
    if (typeof piece[method] !== "function")
      throw new InvalidArgumentError(`${key}.${method}`, "a function", piece[method]);
  }
  const { preprocessor, predictor } = stages;
  const isOwn = preprocessor !== undefined && preprocessor !== defaultStages.preprocessor && predictor === undefined;
  return {
    ...stages,
    ...(isOwn && isStage(preprocessor) && { predictor: predictorWithPreprocessor(preprocessor) }),
    ...(augmentation && { batchSampler: createBatchSampler(augmentation) }),
    ...(loss && { trainer: trainerWithLoss(loss) }),
  };
}

/** Of what is none the stages say what is wrong. */
const isStage = (given: unknown) => typeof given === "object" && given !== null && "preprocessCase" in given;
