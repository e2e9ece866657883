import { type Command, InvalidArgumentError, Option } from "commander";

/** Options that every command takes. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly debug?: boolean;
  readonly raw?: string;
  readonly preprocessed?: string;
  readonly results?: string;
}

export interface WorkerFlags {
  readonly workers?: number;
  readonly maxMemory?: number;
}

export interface TrainFlags extends WorkerFlags {
  readonly engine?: "ort" | "tfjs" | "auto";
  readonly device?: "cpu" | "webgpu" | "cuda";
  readonly epochs?: number;
  readonly iterationsPerEpoch?: number;
  readonly batchSize?: number;
  readonly baseFeatures?: number;
  readonly seed?: number;
  readonly randomSplit?: boolean;
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

export function withWorkerOptions(command: Command): Command {
  return command
    .option("--workers <n>", "worker threads (default: one per core); never changes a result", positiveInteger)
    .addOption(memoryOption());
}

/** A case that would need more is refused before any work, with its numbers. */
export function memoryOption(): Option {
  return new Option(
    "--max-memory <GB>",
    "what the work may take; a case that needs more is refused (default: what the machine has free)",
  ).argParser(positiveNumber);
}

export function withTrainOptions(command: Command): Command {
  return withWorkerOptions(command)
    .addOption(new Option("--engine <name>", "training engine").choices(["ort", "tfjs", "auto"]).default("auto"))
    .addOption(deviceOption())
    .option("--epochs <n>", "epochs (default: 1000, as nnU-Net)", positiveInteger)
    .option("--iterations-per-epoch <n>", "training steps per epoch (default: 250, as nnU-Net)", positiveInteger)
    .option("--batch-size <n>", "patches per step (default: the plan's)", positiveInteger)
    .option(
      "--base-features <n>",
      "feature maps of the first stage, the others in proportion (default: the plan's)",
      positiveInteger,
    )
    .option("--seed <n>", "seed of weights, patches and augmentation (default: 0)", integer)
    .option("--random-split", "divide the cases at random for a fold that splits_final.json does not have");
}

export function deviceOption(): Option {
  return new Option("--device <name>", "where the network runs").choices(["cpu", "webgpu", "cuda"]).default("cpu");
}

/** `--help` ends with an example that runs as it stands. */
export function withExample(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText("after", `\nExample:\n${lines.map((line) => `  $ ${line}`).join("\n")}`);
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value > 0)) throw new InvalidArgumentError("Expected a positive integer.");
  return value;
}

export function integer(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value)) throw new InvalidArgumentError("Expected an integer.");
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("Expected a positive number.");
  return value;
}

/** The stride of the sliding window as a fraction of the patch. */
export function stepFraction(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("Expected a number in (0, 1].");
  return value;
}

export function fold(text: string): number | "all" {
  if (text === "all") return "all";
  const value = Number(text);
  if (text.trim() === "" || !(Number.isSafeInteger(value) && value >= 0)) {
    throw new InvalidArgumentError('Expected 0, 1, 2, … or "all".');
  }
  return value;
}

/** `-f 0 1 2`: each value parsed, collected in a list. */
export function foldList(text: string, before: readonly (number | "all")[] = []): (number | "all")[] {
  return [...before, fold(text)];
}
