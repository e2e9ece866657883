import { engines, losses, type TrainingSettings, trainingSettingsSchema } from "@nnunet/trainer";
import { InvalidArgumentError, Option } from "commander";
import { optimiser } from "./optimiser-option.ts";

/** The names that a setting may have. */
const choices: Readonly<Record<string, readonly string[]>> = {
  engine: ["auto", ...Object.keys(engines)],
  loss: Object.keys(losses),
};
/** What the command line asks for where nothing is given and the trainer would take something else. */
const defaults: Readonly<Record<string, string>> = { engine: "auto" };

/** What the values of an option look like, and how they are read, where that is more than one number or name. */
const forms: Readonly<Record<string, { readonly value: string; readonly read: (text: string) => unknown }>> = {
  optimiser: { value: "name[,option=value…]", read: optimiser },
};

export type SettingFlags = Partial<TrainingSettings>;

/**
 * The settings of a training that the command line offers: those that the trainer describes. Help, parsing and the words of
 * error messages follow.
 */
export const settingOptions: Readonly<Record<string, Option>> = Object.fromEntries(
  Object.entries(trainingSettingsSchema.shape).flatMap(([name, schema]) =>
    schema.description === undefined ? [] : [[name, optionOf(name, schema.description, schema)]],
  ),
);

/** The trainer's settings that were given. */
export function settingsOf(flags: SettingFlags): SettingFlags {
  const given = Object.keys(settingOptions).map((name) => [name, flags[name as keyof SettingFlags]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

type Schema = (typeof trainingSettingsSchema.shape)[keyof typeof trainingSettingsSchema.shape];

function optionOf(name: string, description: string, schema: Schema): Option {
  const known = choices[name];
  const form = forms[name];
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const option = new Option(`${flag} <${form?.value ?? (known ? "name" : "n")}>`, description);
  if (defaults[name] !== undefined) option.default(defaults[name]);
  if (known) return option.choices(known);
  if (form) return option.argParser(form.read);
  return option.argParser((text) => {
    const parsed = schema.safeParse(valueOfText(text));
    if (!parsed.success) throw new InvalidArgumentError(`Expected ${parsed.error.issues[0]!.message}.`);
    return parsed.data;
  });
}

/** "8" is a number, "true" a flag; an empty text is none of them. */
function valueOfText(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}
