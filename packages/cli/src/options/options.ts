import { type Command, Option } from "commander";
import { sharedOption } from "./shared-options.ts";
import { type SettingFlags, settingOptions } from "./training-settings.ts";
import { gigabytes, positiveInteger } from "./values.ts";

export { duration, fold, foldList, notNegative, positiveInteger, positiveNumber, stepFraction } from "./values.ts";

/** Options that every command takes. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly debug?: boolean;
  readonly raw?: string;
  readonly preprocessed?: string;
  readonly results?: string;
}

/** Of a command whose stages a config may replace. */
export interface StageFlags extends CommonFlags {
  /** false: `--no-config`. */
  readonly config?: string | false;
}

export interface WorkerFlags {
  readonly workers?: number;
  readonly maxMemory?: number;
}

/** Of what decides, beside data and plan, which weights come out of a training. */
export interface RecipeFlags extends SettingFlags {
  readonly batchSize?: number;
  readonly baseFeatures?: number;
}

export interface TrainFlags extends WorkerFlags, RecipeFlags {
  readonly device?: "cpu" | "webgpu" | "cuda";
  readonly pretrained?: string;
  readonly randomSplit?: boolean;
  readonly probabilities?: boolean;
}

export function withCommonOptions(command: Command): Command {
  return command
    .option("--raw <folder>", "raw datasets (default: $nnUNet_raw, else ./nnUNet_raw)")
    .option(
      "--preprocessed <folder>",
      "plans and preprocessed data (default: $nnUNet_preprocessed, else ./nnUNet_preprocessed)",
    )
    .option("--results <folder>", "trained models (default: $nnUNet_results, else ./nnUNet_results)")
    .option("--json", "print one JSON document to stdout, and progress as one JSON event per line to stderr")
    .option("--debug", "print the stack of an error");
}

/** The common options, and those of a command whose stages a config may replace. */
export function withStageOptions(command: Command): Command {
  return withCommonOptions(command)
    .option("--config <file>", "your own stages, code that is run (default: nnunet.config.ts or .mjs in this folder)")
    .option("--no-config", "run no config");
}

export function withWorkerOptions(command: Command): Command {
  return command
    .option("--workers <n>", "worker threads (default: one per core); never changes a result", positiveInteger)
    .addOption(memoryOption());
}

/** A case that would need more is refused before any work, with its numbers. */
export function memoryOption(): Option {
  return new Option(
    "--max-memory <GB>",
    "what the work may take (2, 1.5GB, 800MB); a case that needs more is refused (default: what the machine has free)",
  ).argParser(gigabytes);
}

/** @param with.engine - which engine trains, too; it decides no weight beyond rounding */
export function withRecipeOptions(command: Command, { engine }: { readonly engine: boolean }): Command {
  for (const [name, option] of Object.entries(settingOptions))
    if (engine || name !== "engine") command.addOption(option);
  return command
    .option("--batch-size <n>", "patches per step (default: the plan's)", positiveInteger)
    .option(
      "--base-features <n>",
      "feature maps of the first stage, the others in proportion (default: the plan's)",
      positiveInteger,
    );
}

export function withTrainOptions(command: Command): Command {
  return withWorkerOptions(withRecipeOptions(command, { engine: true }))
    .addOption(deviceOption().default(undefined, "cpu; a GPU where the engine sees one"))
    .option("--pretrained <model>", "begin with the weights of a model.onnx or a checkpoint, wherever they fit")
    .addOption(
      sharedOption("probabilities", {
        description: "keep the probabilities of the validation cases, compressed, for find-best",
      }),
    )
    .option("--random-split", "divide the cases at random for a fold that splits_final.json does not have");
}

export function deviceOption(): Option {
  return new Option("--device <name>", "where the network runs").choices(["cpu", "webgpu", "cuda"]).default("cpu");
}

/** `--help` ends with an example that runs as it stands. */
export function withExample(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText("after", `\nExample:\n${lines.map((line) => `  $ ${line}`).join("\n")}`);
}
