#!/usr/bin/env node
/**
 * Keeps the words of the command line in the command line. Run by `npm run lint`; `node tools/check-messages.mjs FOLDER`
 * checks another checkout.
 *
 * A message of a library names options and functions as its callers know them, in backticks: "allow more with
 * `maxMemoryGb` 12", "run `train(4, 3d_fullres, 0)` first". packages/cli/src/shell-words.ts puts flags and commands in
 * their place. So no string of another package holds a flag (" --max-memory") or a command ("nnunet train").
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), ".."));
/** The jobs of a run are commands: they hold the words that `nnunet` is given. */
const holdsCommands = ["packages/pipeline/src/jobs/"];
/** Variables of style sheets look like flags. */
const holdsStyles = ["packages/report/src/style.ts"];

const packages = readdirSync(join(root, "packages")).filter((name) => name !== "cli" && !name.startsWith("."));
const commands = readdirSync(join(root, "packages/cli/src/commands")).map((file) => file.replace(/\.ts$/, ""));
const spoken = new RegExp(`(?<![\\w-]|var\\()--[a-z][\\w-]*|\\bnnunet (?:${commands.join("|")})\\b`);
const problems = [];
let strings = 0;
for (const file of packages.flatMap((name) => sourcesBelow(join(root, "packages", name, "src")))) {
  const path = relative(root, file);
  if ([...holdsCommands, ...holdsStyles].some((folder) => path.startsWith(folder))) continue;
  for (const { text, line } of stringsOf(readFileSync(file, "utf8"))) {
    strings++;
    const [word] = spoken.exec(text) ?? [];
    if (word !== undefined) problems.push(`${path}:${line}: says ${word}; name the option or function in backticks`);
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(
    `${problems.length} messages speak the command line's words (tools/check-messages.mjs says what to write)`,
  );
  process.exit(1);
}
console.log(`${strings} strings of the libraries are free of flags and commands`);

function sourcesBelow(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

/** The string and template literals of a source, without what stands in comments; a template's `${…}` counts as text. */
function stringsOf(source) {
  const tokens = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g;
  return [...source.matchAll(tokens)]
    .filter(([text]) => !text.startsWith("/"))
    .map(({ 0: text, index }) => ({ text, line: source.slice(0, index).split("\n").length }));
}
