import { InvalidArgumentError, roundHalfEven } from "@nnunet/core";
import { z } from "zod";
import { defaultSgd } from "./ort/sgd.ts";

const positiveInteger = z.int({ error: "a positive integer" }).positive({ error: "a positive integer" });
const positive = z.number({ error: "a positive number" }).positive({ error: "a positive number" });
const fraction = z
  .number({ error: "a number in [0, 1)" })
  .min(0, { error: "a number in [0, 1)" })
  .lt(1, { error: "a number in [0, 1)" });

/*
 * A new option of training is a line here, its use, and an option of the command line: checkpoints, hashes and the check
 * of a continued training take the settings whole. Defaults are the paper's (docs/method.md §6); a checkpoint from
 * before a key existed was trained with its default.
 */
export const trainingSettingsSchema = z.strictObject({
  /** Of weights, patches and augmentation. */
  seed: z.int({ error: "an integer" }).default(0),
  epochs: positiveInteger.default(1000),
  iterationsPerEpoch: positiveInteger.default(250),
  /** A fifth of `iterationsPerEpoch` where it is not given: nnU-Net's 50 for its 250. */
  validationIterations: positiveInteger.default(50),
  initialLearningRate: positive.default(0.01),
  optimiser: z
    .strictObject({
      momentum: fraction.default(defaultSgd.momentum),
      weightDecay: z
        .number({ error: "a number ≥ 0" })
        .min(0, { error: "a number ≥ 0" })
        .default(defaultSgd.weightDecay),
      clipNorm: positive.default(defaultSgd.clipNorm),
    })
    .default(defaultSgd),
  /** One of the trainer's losses, by name. */
  loss: z.string().default("dice-cross-entropy"),
  /** Losses at the lower resolutions too. */
  deepSupervision: z.boolean().default(true),
  /** One of the trainer's engines, by name. */
  engine: z.string().default("ort"),
});

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
