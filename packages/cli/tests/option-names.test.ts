import { expect, test } from "@jest/globals";
import type { Command, Option } from "commander";
import { createProgram } from "../src/program.ts";
import { nnunet } from "./run-nnunet.ts";

const { commands } = createProgram({ code: 0 });
const optionsOf = (command: Command) => command.options.map((option) => ({ command: command.name(), option }));
const every = commands.flatMap(optionsOf);
const told = every.filter(({ option }) => !option.hidden);

/** Two things each, whatever their names: the first seed and how many seeds; one format and the list of all. */
const differentThings = ["seed seeds", "format formats"];

test("an option has one short flag wherever it is, and a short flag is one option", () => {
  const shorts = (of: (option: Option) => string | undefined, other: (option: Option) => string | undefined) => {
    const found = new Map<string, Set<string>>();
    for (const { option } of told) {
      const key = of(option);
      if (key !== undefined) found.set(key, (found.get(key) ?? new Set()).add(other(option) ?? "none"));
    }
    return [...found]
      .filter(([, values]) => values.size > 1)
      .map(([key, values]) => `${key}: ${[...values].join(", ")}`);
  };
  const long = (option: Option) => option.long;
  const short = (option: Option) => option.short;
  expect(shorts(long, short)).toEqual([]);
  expect(shorts(short, long)).toEqual([]);
});

test("no two names are one word, once in the singular and once in the plural", () => {
  const names = new Set(told.map(({ option }) => option.name()));
  const pairs = [...names].filter((name) => names.has(`${name}s`)).map((name) => `${name} ${name}s`);
  expect(pairs.filter((pair) => !differentThings.includes(pair))).toEqual([]);
});

test("what is asked for in the same words has the same name", () => {
  const byDescription = new Map<string, Set<string>>();
  for (const { option } of told) {
    const names = byDescription.get(option.description) ?? new Set();
    byDescription.set(option.description, names.add(option.name()));
  }
  expect([...byDescription].filter(([, names]) => names.size > 1).map(([words]) => words)).toEqual([]);
});

test("an option whose value is read is read by the same rule everywhere", () => {
  const readers = new Map<string, Set<unknown>>();
  for (const { option } of told) {
    readers.set(option.name(), (readers.get(option.name()) ?? new Set()).add(option.parseArg));
  }
  // Choices make a reader of their own for each command.
  const several = [...readers].filter(([, rules]) => rules.size > 1).map(([name]) => name);
  expect(several.filter((name) => told.some(({ option }) => option.name() === name && !option.argChoices))).toEqual([]);
});

test("every hidden option is a former name of one that is told, and takes the same", () => {
  const hidden = every.filter(({ option }) => option.hidden);
  expect(hidden.length).toBeGreaterThan(8);
  for (const { command, option } of hidden) {
    const same = told.filter((each) => each.command === command && each.option.name() !== option.name());
    const now = same.find((each) => each.option.attributeName() === option.attributeName())?.option;
    expect([option.name(), now?.variadic, now?.required]).toEqual([option.name(), option.variadic, option.required]);
    expect(now!.parseArg).toBe(option.parseArg);
  }
});

test.each([
  [["export", "4", "2d", "--fold", "x", "-o", "m.onnx"], "option '--fold <fold...>' argument 'x' is invalid"],
  [["export", "4", "2d", "--fold", "0", "-o", "m.onx"], "--output: expected a name ending in .onnx"],
  [["fingerprint", "a.json", "b.json", "--svg", "f.svg"], "dataset: expected one dataset, or several with --compare"],
])("a former name still works: %j", async (args, message) => {
  const { code, stderr } = await nnunet(...args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test.each([
  ["predict", "--configurations <name>"],
  ["find-best", "-f, --folds <fold...>"],
  ["evaluate", "-o, --output <file>"],
  ["demo", "-o, --output <folder>"],
])("%s --help tells %s, and no former name", async (command, flags) => {
  const { stdout } = await nnunet(command, "--help");
  expect(stdout).toContain(flags);
  expect(stdout).not.toMatch(/--(configuration|fold|svg)\b(?!s)/);
});
