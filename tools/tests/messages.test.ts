import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";

/** What the check says of a checkout with one command, `train`, and this source of a library. */
function check(source: string, path = "packages/io/src/a.ts"): { readonly ok: boolean; readonly said: string } {
  const root = mkdtempSync(join(tmpdir(), "nnunet-messages-"));
  try {
    for (const [file, text] of [
      ["packages/cli/src/commands/train.ts", 'export const own = "run nnunet train --continue";'],
      [path, source],
    ] as const) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    const tool = join(import.meta.dirname, "../check-messages.mjs");
    const { status, stdout, stderr } = spawnSync(process.execPath, [tool, root], { encoding: "utf8" });
    return { ok: status === 0, said: stdout + stderr };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test.each([
  ["a flag", 'throw new Error("allow more with --max-memory 3");', "packages/io/src/a.ts:1: says --max-memory"],
  [
    "a flag in a template",
    "\n\nconst text = `crop it, or --max-patches 3`;",
    "packages/io/src/a.ts:3: says --max-patches",
  ],
  ["a command", "const text = 'run \"nnunet train 4\" first';", "packages/io/src/a.ts:1: says nnunet train"],
])("%s in a string of a library is refused", (_, source, message) => {
  const { ok, said } = check(source);
  expect([ok, said]).toEqual([false, expect.stringContaining(message)]);
});

test.each([
  ["comments", '/** For `--save-probabilities`. */\n// nnunet train calls this\nexport const a = "b";'],
  ["arithmetic", "let n = 3;\nif (--n < 0) console.log(`none left`);"],
  ["a sentence about the program", 'throw new Error("a key which nnunet does not know");'],
  ["the names of the libraries", 'throw new Error("run `train(4, 2d, 0)` with `maxMemoryGb` 3");'],
])("%s are let be", (_, source) => {
  expect(check(source)).toEqual({ ok: true, said: expect.stringMatching(/^\d strings? of the libraries are free/) });
});

test("the jobs of a run are commands and hold their words", () => {
  expect(check('export const command = ["train", "--epochs", "8"];', "packages/pipeline/src/jobs/job.ts").ok).toBe(
    true,
  );
});
