import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { inWordsOfTheShell } from "../src/shell-words.ts";

test.each([
  ["allow more with `maxMemoryGb` 12", "allow more with --max-memory 12"],
  ["choose one by `plansName`", "choose one by --plans"],
  ["`verify()` lists them", "nnunet verify lists them"],
  ["run `preprocess(4, 3d_fullres)` first", 'run "nnunet preprocess 4 -c 3d_fullres" first'],
  ["run `train(4, 2d, 0)` first", 'run "nnunet train 4 2d 0" first'],
  [
    "nothing that we know: `constructor`, `toString()`, `a b`",
    "nothing that we know: `constructor`, `toString()`, `a b`",
  ],
])("%s", (ofTheLibraries, ofTheShell) => {
  expect(inWordsOfTheShell(ofTheLibraries)).toBe(ofTheShell);
});

/** Backticked names in the strings of a source, each as it stands: "`epochs`", "`verify()`". */
function namesIn(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const inTemplates = [...code.matchAll(/\\`(\w+(?:\([^`]*?\))?)\\`/g)];
  const inStrings = [...code.matchAll(/"[^"\n]*"/g)].flatMap(([text]) => [...text.matchAll(/`(\w+(?:\([^`]*\))?)`/g)]);
  return [...inTemplates, ...inStrings].map(([, name]) => `\`${name!.replace(/\$\{[^}]*\}/g, "x")}\``);
}

test("every option and function that a message of the libraries names has its word for the shell", () => {
  const packages = join(import.meta.dirname, "../..");
  const names = readdirSync(packages)
    .filter((name) => name !== "cli" && !name.startsWith("."))
    .flatMap((name) =>
      readdirSync(join(packages, name, "src"), { recursive: true, encoding: "utf8" }).map((file) =>
        join(packages, name, "src", file),
      ),
    )
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => namesIn(readFileSync(path, "utf8")));
  expect(names.length).toBeGreaterThan(15);
  expect([...new Set(names)].filter((name) => inWordsOfTheShell(name) === name)).toEqual([]);
});
