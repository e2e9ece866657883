import { type Command, Option } from "commander";
import { foldList, positiveInteger, positiveNumber } from "./values.ts";

interface SharedOption {
  /** Its name, after its short flag where it has one. */
  readonly flags: string;
  /** What stands for its value in the help; absent of one that is given or not. */
  readonly value?: string;
  readonly read?: (text: string, before: never) => unknown;
  readonly description?: string;
}

/**
 * What more than one command asks for: one name and one short flag each, the same everywhere. Those of a training follow
 * from the trainer's settings.
 */
const shared = {
  configurations: { flags: "-c, --configurations", value: "name" },
  folds: { flags: "-f, --folds", value: "fold", read: foldList },
  output: { flags: "-o, --output", value: "path" },
  overwrite: { flags: "--overwrite", description: "replace what is there" },
  plans: { flags: "--plans", value: "name", description: "name of the plan (default: the only one)" },
  variant: {
    flags: "--variant",
    value: "name",
    description:
      "a name for these options: plan and results are called nnUNetPaperPlans_<name>, and the name alone brings the options back",
  },
  set: {
    flags: "--set",
    value: "name=value",
    description: "override a blueprint parameter; the value is JSON (nnunet plan --help lists them)",
  },
  planner: {
    flags: "--planner",
    value: "name",
    description: "rule set: paper (default), v2, resenc-m, resenc-l, resenc-xl",
  },
  gpuMemory: {
    flags: "--gpu-memory",
    value: "GB",
    read: positiveNumber,
    description: "memory of the GPU to plan for (default: the rule set's, 11 for paper)",
  },
  datasetJson: { flags: "--dataset-json", value: "file" },
  draw: { flags: "--draw", value: "path" },
  groupBy: {
    flags: "--group-by",
    value: "column or pattern",
    description:
      "keep cases together that have the same value in a column of a table (patients.csv:patient; its first column holds the case ids), or the same capture group of a pattern of the case id ('^(patient\\d+)_')",
  },
  seeds: {
    flags: "--seeds",
    value: "n",
    read: positiveInteger,
    description:
      "of few cases: instead of folds so many trainings on all of them, which differ by seed and cannot be validated",
  },
  probabilities: { flags: "--probabilities" },
  continue: { flags: "--continue" },
} as const satisfies Readonly<Record<string, SharedOption>>;

export interface SharedOptionForm {
  /** What is said of it here, where that is more than what is true everywhere. */
  readonly description?: string;
  /** What stands for the value, where that is narrower: "file". */
  readonly value?: string;
  /** Takes one or many. */
  readonly several?: boolean;
}

/**
 * An option that other commands have too.
 *
 * @example command.addOption(sharedOption("configurations", { several: true, description: "those to compare" }))
 */
export function sharedOption(name: keyof typeof shared, form: SharedOptionForm = {}): Option {
  const { flags, value, read, description }: SharedOption = shared[name];
  const shown = form.value ?? value;
  const option = new Option(
    shown === undefined ? flags : `${flags} <${shown}${form.several ? "..." : ""}>`,
    form.description ?? description,
  );
  return read === undefined ? option : option.argParser(read as (text: string, before: unknown) => unknown);
}

/** How options were called before; kept working, and told by no help. */
const formerNames: Readonly<Record<string, string>> = { configurations: "configuration", folds: "fold", draw: "svg" };

/** Gives the options of a command that had another name a hidden twin of that name, for the same value. */
export function acceptFormerNames(command: Command): void {
  for (const option of [...command.options]) {
    const former = formerNames[option.name()];
    if (former === undefined) continue;
    const twin = new Option(option.flags.replace(/^.*--[\w-]+/, `--${former}`), option.description).hideHelp();
    if (option.parseArg) twin.argParser(option.parseArg);
    twin.attributeName = () => option.attributeName();
    command.addOption(twin);
  }
}
