import { InvalidArgumentError, roundHalfEven } from "@nnunet/core";
import { z } from "zod";
import { adam, defaultAdam } from "./optimisers/adam.ts";
import type { Optimiser } from "./optimisers/optimiser.ts";
import { defaultSgd, sgd } from "./optimisers/sgd.ts";

const positiveInteger = z.int({ error: "a positive integer" }).positive({ error: "a positive integer" });
const positive = z.number({ error: "a positive number" }).positive({ error: "a positive number" });
const fraction = z
  .number({ error: "a number in [0, 1)" })
  .min(0, { error: "a number in [0, 1)" })
  .lt(1, { error: "a number in [0, 1)" });

const notNegative = z.number({ error: "a number ≥ 0" }).min(0, { error: "a number ≥ 0" });

const sgdSettings = z.strictObject({
  name: z.literal("sgd"),
  momentum: fraction.default(defaultSgd.momentum),
  weightDecay: notNegative.default(defaultSgd.weightDecay),
  clipNorm: positive.default(defaultSgd.clipNorm),
});
const adamSettings = z.strictObject({
  name: z.literal("adam"),
  momentum: fraction.default(defaultAdam.momentum),
  secondMomentum: fraction.default(defaultAdam.secondMomentum),
  epsilon: positive.default(defaultAdam.epsilon),
  weightDecay: notNegative.default(defaultAdam.weightDecay),
  clipNorm: positive.default(defaultAdam.clipNorm),
});
/** Without a name it is "sgd", as in settings from before there was another. */
const optimiserSettings = z.preprocess(
  (given) => (typeof given === "object" && given !== null && !("name" in given) ? { name: "sgd", ...given } : given),
  z.discriminatedUnion("name", [sgdSettings, adamSettings], { error: '"sgd" or "adam", by its name' }),
);

/*
 * A new option of training is a line here and its use: checkpoints, hashes and the check of a continued training take the
 * settings whole, and the command line offers those that are described, by name. Defaults are the paper's (docs/method.md §6); a checkpoint from
 * before a key existed was trained with its default.
 */
export const trainingSettingsSchema = z.strictObject({
  /** Of weights, patches and augmentation. */
  seed: z.int({ error: "an integer" }).default(0).describe("seed of weights, patches and augmentation (default: 0)"),
  epochs: positiveInteger.default(1000).describe("epochs (default: 1000, as nnU-Net)"),
  iterationsPerEpoch: positiveInteger.default(250).describe("training steps per epoch (default: 250, as nnU-Net)"),
  /** A fifth of `iterationsPerEpoch` where it is not given: nnU-Net's 50 for its 250. */
  validationIterations: positiveInteger
    .default(50)
    .describe("validation steps per epoch (default: a fifth of the training steps, as nnU-Net)"),
  initialLearningRate: positive.default(0.01).describe("learning rate of the first epoch (default: 0.01, as nnU-Net)"),
  optimiser: optimiserSettings
    .default({ name: "sgd", ...defaultSgd })
    .describe("sgd or adam, with options of it: sgd,momentum=0.9 (default: sgd with momentum 0.99, as nnU-Net)"),
  /** One of the trainer's losses, by name. */
  loss: z.string().default("dice-cross-entropy").describe("loss (default: dice-cross-entropy, as nnU-Net)"),
  deepSupervision: z
    .boolean({ error: "true or false" })
    .default(true)
    .describe("losses at the lower resolutions, too: true or false (default: true, as nnU-Net)"),
  mixedPrecision: z
    .boolean({ error: "true or false" })
    .default(false)
    .describe("convolutions in float16, with a scaled loss, on engine ort: true or false (default: false)"),
  /** One of the trainer's engines, by name, or "auto": one that sees a GPU, else "ort". */
  engine: z.string().default("ort").describe("training engine: auto takes tfjs where it sees a GPU, else ort"),
});

/**
 * What decides the weights up to rounding: all settings but the engine. It must be the same for a training to be
 * continued; an engine may take over from another.
 */
export function recipeOf<T extends TrainingSettings>({ engine: _, ...recipe }: T): Omit<T, "engine"> {
  return recipe;
}

/** The optimiser that the settings describe. */
export function optimiserOf({ optimiser }: TrainingSettings): Optimiser {
  return optimiser.name === "adam" ? adam(optimiser) : sgd(optimiser);
}

/**
 * Everything that decides, beside data and network, which weights a training gives: plain JSON, written into the
 * checkpoint, hashed by the pipeline, and the same when a training is continued.
 */
export type TrainingSettings = z.infer<typeof trainingSettingsSchema>;

/**
 * What is given, and the defaults for the rest.
 *
 * @throws {InvalidArgumentError} naming the setting that is outside its domain
 * @example completeTrainingSettings({ epochs: 8 }).initialLearningRate; // 0.01
 */
export function completeTrainingSettings(given: Partial<TrainingSettings>): TrainingSettings {
  const parsed = trainingSettingsSchema.safeParse(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
  if (parsed.success) {
    const { iterationsPerEpoch } = parsed.data;
    const fifth = Math.max(1, roundHalfEven(iterationsPerEpoch / 5));
    return { ...parsed.data, validationIterations: given.validationIterations ?? fifth };
  }
  const issue = parsed.error.issues[0]!;
  if (issue.code === "unrecognized_keys" && issue.path.length > 0) {
    const { name } = { name: "sgd", ...given.optimiser };
    const { name: _, ...known } = (name === "adam" ? adamSettings : sgdSettings).shape;
    throw new InvalidArgumentError(issue.path.join("."), `of ${name}: ${Object.keys(known).join(", ")}`, issue.keys[0]);
  }
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(trainingSettingsSchema.shape).join(", ");
    throw new InvalidArgumentError("settings", `keys of ${known}`, issue.keys[0]);
  }
  const received = issue.path.reduce<unknown>(
    (value, key) => (value as Readonly<Record<PropertyKey, unknown>>)[key],
    given,
  );
  throw new InvalidArgumentError(issue.path.join("."), issue.message, received);
}
