import { engines, losses, type TrainingSettings } from "@nnunet/trainer";
import { Option } from "commander";
import { integer, positiveInteger, positiveNumber } from "./values.ts";

/**
 * The settings of a training that the command line offers, by the name that the trainer gives them. A new one is a line
 * here: help, parsing and the words of error messages follow.
 */
export const settingOptions = {
  engine: new Option("--engine <name>", "training engine: auto takes tfjs where it sees a GPU, else ort")
    .choices(["auto", ...Object.keys(engines)])
    .default("auto"),
  epochs: new Option("--epochs <n>", "epochs (default: 1000, as nnU-Net)").argParser(positiveInteger),
  iterationsPerEpoch: new Option(
    "--iterations-per-epoch <n>",
    "training steps per epoch (default: 250, as nnU-Net)",
  ).argParser(positiveInteger),
  validationIterations: new Option(
    "--validation-iterations <n>",
    "validation steps per epoch (default: a fifth of the training steps, as nnU-Net)",
  ).argParser(positiveInteger),
  initialLearningRate: new Option(
    "--initial-learning-rate <rate>",
    "learning rate of the first epoch (default: 0.01, as nnU-Net)",
  ).argParser(positiveNumber),
  loss: new Option("--loss <name>", "loss (default: dice-cross-entropy, as nnU-Net)").choices(Object.keys(losses)),
  seed: new Option("--seed <n>", "seed of weights, patches and augmentation (default: 0)").argParser(integer),
} as const satisfies Partial<Record<keyof TrainingSettings, Option>>;

export type SettingFlags = { readonly [key in keyof typeof settingOptions]?: TrainingSettings[key] };

/** The trainer's settings that were given. */
export function settingsOf(flags: SettingFlags): Partial<TrainingSettings> {
  const given = Object.keys(settingOptions).map((key) => [key, flags[key as keyof SettingFlags]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}
