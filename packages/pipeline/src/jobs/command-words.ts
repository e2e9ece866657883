import { isAbsolute, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { isJsonObject, type PlannerOptions } from "@nnunet/core";
import { trainingSettingsSchema } from "@nnunet/trainer";
import { existsConfig } from "../config/load-config.ts";
import { stageOrigin } from "../config/stage-origin.ts";
import { defaultStages, type Stages } from "../stages.ts";
import type { TrainOptions } from "../training/train-fold.ts";
import type { RunOptions } from "./run-options.ts";

/**
 * Options as the words of a command line: the flag of an option is its name in kebab case, everywhere in nnunet.
 *
 * @returns undefined if a value is more than words can say
 * @example flagWords({ epochs: 8, baseFeatures: 16 }); // ["--epochs", "8", "--base-features", "16"]
 */
export function flagWords(options: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const words: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined || value === false) continue;
    if (value === true) words.push(flag);
    else if (typeof value === "string" || typeof value === "number") words.push(flag, String(value));
    else if (Array.isArray(value) && value.length > 0) words.push(flag, ...value.map(String));
    else return undefined;
  }
  return words;
}

/**
 * The options that decide what comes out of a training; not those that only say how it is done. The command line offers
 * the settings that the trainer describes.
 *
 * @returns undefined if they are more than words can say
 */
export function trainingWords({
  settings = {},
  sampling,
  pretrained,
  batchSize,
  baseFeatures,
  randomSplit,
  probabilities,
}: TrainOptions): readonly string[] | undefined {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const known: Readonly<Record<string, { readonly description?: string | undefined } | undefined>> =
    trainingSettingsSchema.shape;
  const isSayable = given.every(([name]) => Object.hasOwn(known, name) && known[name]?.description !== undefined);
  if (sampling !== undefined || !isSayable) return undefined;
  const words = Object.fromEntries(given.map(([name, value]) => [name, settingWord(value)]));
  return flagWords({ ...words, pretrained, batchSize, baseFeatures, randomSplit, probabilities });
}

/** @example settingWord({ name: "sgd", momentum: 0.9 }); // "sgd,momentum=0.9" */
function settingWord(value: unknown): string {
  if (!isJsonObject(value)) return String(value);
  const { name, ...options } = value;
  return [String(name), ...Object.entries(options).map(([key, number]) => `${key}=${number}`)].join(",");
}

/** The words of the command that plans as a run does. */
export function planWords(
  dataset: string,
  { planner = {}, variant, recipe = {} }: RunOptions,
): readonly string[] | undefined {
  const words = ["plan", dataset, "--keep", ...plannerWords(planner)];
  if (variant === undefined) return words;
  const { batchSize, baseFeatures, ...settings } = recipe as TrainOptions;
  const trained = trainingWords({ ...{ batchSize, baseFeatures }, settings: settings as TrainOptions["settings"] });
  return trained && [...words, "--variant", variant, ...trained];
}

export function plannerWords({ ruleSet, gpuMemoryGb, targetSpacing, overrides }: PlannerOptions): readonly string[] {
  const set = Object.entries(overrides ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return flagWords({
    planner: ruleSet,
    gpuMemory: gpuMemoryGb,
    targetSpacing: targetSpacing && [...targetSpacing],
    ...(set.length > 0 ? { set } : {}),
  })!;
}

/** Commands that no stage changes. */
const withoutStages: readonly string[] = ["verify", "split"];

/**
 * The words that give a command these stages: `--config FILE` for those of a config file; none for the default ones, but
 * where a config lies in the working directory that it is to be left out.
 *
 * @param command - its words
 * @returns undefined if they live in one's own program
 */
export function stageWords([command]: readonly string[], stages: Stages): readonly string[] | undefined {
  const isWithout = withoutStages.includes(command!);
  const replaced = Object.entries(stages).filter(([key, stage]) => stage !== defaultStages[key as keyof Stages]);
  const origins = replaced.map(([, stage]) => stageOrigin(stage));
  const modules = new Set(origins.map((origin) => (origin?.key === undefined ? undefined : origin.module)));
  if (modules.size === 0) return existsConfig(process.cwd()) && !isWithout ? ["--no-config"] : [];
  const [module] = modules;
  if (modules.size > 1 || module === undefined) return undefined;
  if (isWithout) return [];
  const path = fileURLToPath(module);
  const below = relative(process.cwd(), path);
  return ["--config", below.startsWith("..") || isAbsolute(below) ? path : below];
}
