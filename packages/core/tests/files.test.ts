import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { makeFolder, readJson, writeJsonAtomic } from "@nnunet/core/node";

const scratch = mkdtempSync(join(tmpdir(), "core-files-"));
afterAll(() => rmSync(scratch, { recursive: true }));

test("folders that are missing are made, also by two at the same time", async () => {
  const folder = join(scratch, "a/b/c");
  await Promise.all([makeFolder(folder), makeFolder(folder), makeFolder(join(folder, "d"))]);
  await makeFolder(folder);
  expect(existsSync(join(folder, "d"))).toBe(true);
  await writeJsonAtomic(join(scratch, "e/f.json"), { x: 1 });
  expect(await readJson(join(scratch, "e/f.json"))).toEqual({ x: 1 });
});

test("a part of the path is a file", async () => {
  writeFileSync(join(scratch, "file"), "x");
  const folder = join(scratch, "file/below");
  await expect(makeFolder(folder)).rejects.toThrow(
    `${folder}: could not be written: a part of the path is a file, not a folder`,
  );
});

// Node's own mkdir with `recursive` would spin for ever there.
const procTest = existsSync("/proc/self") ? test : test.skip;
if (!existsSync("/proc/self")) console.warn("skipped: no /proc here, so writing below it is not tried");
procTest("below /proc, where nothing can be made: an error, soon", async () => {
  await expect(writeJsonAtomic("/proc/nnunet-x/y/plans.json", {})).rejects.toThrow(
    "/proc/nnunet-x/y: could not be written: no folder can be made in /proc; choose another place",
  );
});
