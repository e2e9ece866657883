import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { isNnunetError } from "@nnunet/core";

/*
 * A few thousand mutants on every run, in a child process under limits of memory and time; `npm run fuzz` tries a
 * million. What was found once lies in test-data/hostile/found and is read again here.
 */

const root = join(import.meta.dirname, "../..");
const scratch = mkdtempSync(join(tmpdir(), "nnunet-fuzz-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function fuzz(...args: string[]) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return spawnSync(process.execPath, [join(root, "tools/fuzz/run.mjs"), "--found", join(scratch, "found"), ...args], {
    encoding: "utf8",
    env,
  });
}

test("four thousand mutants of every kind of file are read, or refused with one of our errors", () => {
  const { stdout, stderr, status } = fuzz("--mutants", "4000", "--seed", "8");
  expect({ last: stdout.trim().split("\n").at(-1), stderr, status }).toEqual({
    last: expect.stringMatching(/^4000 mutants of 2\d kinds, seed 8: all read or refused$/),
    stderr: "",
    status: 0,
  });
}, 300_000);

test("the same seed gives the same mutants", async () => {
  const { mutateBytes, mutateJson, seededRandom } = await import("../fuzz/mutate.mjs");
  const twice = [1, 1].map((seed) => {
    const random = seededRandom(seed);
    return [
      mutateBytes(Buffer.from("some bytes of a file"), random.next).toString("hex"),
      JSON.stringify(mutateJson({ a: [1, { b: 2 }] }, random)),
    ];
  });
  expect(twice[0]).toEqual(twice[1]);
});

const kept = join(root, "test-data/hostile/found");
const found = existsSync(kept) ? readdirSync(kept).filter((name) => !name.startsWith(".")) : [];
(found.length > 0 ? test.each(found) : test.skip.each(["none was found yet"]))("kept mutant %s", async (name) => {
  const { fuzzTargets } = await import("../fuzz/targets.mjs");
  const targets = await fuzzTargets(join(scratch, "kept"));
  const [target] = name.split("-");
  const folder = join(kept, name);
  const files = readdirSync(folder);
  const read = targets[target!]!;
  // of an image of two files the header is read
  const first = files.find((file) => file.endsWith(`.${target}`)) ?? files[0]!;
  try {
    await read.read(folder, first, readFileSync(join(folder, first)));
  } catch (error) {
    expect(isNnunetError(error) || error).toBe(true);
  }
});
