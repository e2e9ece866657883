import { settingOptions } from "./options/training-settings.ts";

/*
 * The libraries name their options and functions in backticks: `epochs`, `verify()`, `train(4, 3d_fullres, 0)`. A reader
 * of the command line knows them as flags and commands. The words are put in place here, and nowhere else.
 */

/** What the libraries call the values of the command line. Any other argument is made of the user's data. */
const flags: Readonly<Record<string, string>> = {
  plan: "plan",
  dataset: "dataset",
  source: "source",
  fold: "fold",
  folds: "--folds",
  model: "--model",
  folders: "folders",
  variants: "variants",
  configuration: "configuration",
  configurations: "--configurations",
  datasetId: "--dataset-id",
  gpuMemoryGb: "--gpu-memory",
  targetSpacing: "--target-spacing",
  overrides: "--set",
  variant: "--variant",
  pretrained: "--pretrained",
  workers: "--workers",
  threads: "--threads",
  maxMemoryGb: "--max-memory",
  maxPatches: "--max-patches",
  saveProbabilities: "--save-probabilities",
  probabilities: "--probabilities",
  strict: "--strict",
  groupBy: "--group-by",
  groups: "--group-by",
  seeds: "--seeds",
  budgetSeconds: "--budget",
  datasetJson: "--dataset-json",
  device: "--device",
  batchSize: "--batch-size",
  baseFeatures: "--base-features",
  stepFraction: "--step-size",
  continue: "--continue",
  overwrite: "--overwrite",
  format: "--format",
  convertedFrom: "--converted-from",
  seriesUid: "--series",
  volume: "--volume",
  asPlanned: "--as-planned",
  plansName: "--plans",
  overridableParameters: "nnunet plan --help",
  results: "--results",
  ...Object.fromEntries(Object.entries(settingOptions).map(([setting, option]) => [setting, option.long!])),
};

/** The functions of the libraries that a command runs, by the command's name. */
const commands: Readonly<Record<string, string>> = {
  convert: "convert",
  verify: "verify",
  fingerprint: "fingerprint",
  plan: "plan",
  split: "split",
  preprocess: "preprocess",
  train: "train",
  predict: "predict",
  evaluate: "evaluate",
  ensemble: "ensemble",
  postprocess: "postprocess",
  findBest: "find-best",
  export: "export",
  importForeign: "import",
  report: "report",
  run: "run",
};

/** The flag or argument of the command line that an argument of the libraries comes from, if it comes from one. */
export function flagOfArgument(argument: string): string | undefined {
  return Object.hasOwn(flags, argument) ? flags[argument] : undefined;
}

/**
 * A sentence of the libraries in the words of the command line.
 *
 * @example inWordsOfTheShell("allow more with `maxMemoryGb` 12"); // "allow more with --max-memory 12"
 * @example inWordsOfTheShell("run `preprocess(4, 2d)` first"); // 'run "nnunet preprocess 4 -c 2d" first'
 * @example inWordsOfTheShell("run `train(4, 2d, 0, { continue })`"); // 'run "nnunet train 4 2d 0 --continue"'
 */
export function inWordsOfTheShell(sentence: string): string {
  return sentence.replace(/`(\w{1,40})(?:\(([^`()]{0,200})\))?`/g, (quoted, name: string, given?: string) => {
    if (given === undefined) return flagOfArgument(name) ?? quoted;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) return quoted;
    const [, values = "", options = ""] = /^([^{]*)(?:\{ ?([^}]*?) ?\})?$/.exec(given) ?? [];
    const words = values.split(", ").filter(Boolean);
    if (name === "preprocess") words.splice(1, 0, ...(words.length > 1 ? ["-c"] : []));
    const all = [
      ...words,
      ...options
        .split(", ")
        .filter(Boolean)
        .map((option) => flagOfArgument(option) ?? option),
    ];
    return all.length > 0 ? `"nnunet ${[command, ...all].join(" ")}"` : `nnunet ${command}`;
  });
}
