import { spawnSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import {
  appendLine,
  copyFileAtomic,
  makeFolder,
  openRegularFile,
  readJson,
  regularFile,
  writeJsonAtomic,
} from "@nnunet/core/node";

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

const hasPipes = spawnSync("mkfifo", [join(scratch, "pipe")]).status === 0 && existsSync("/dev/zero");
if (!hasPipes) console.warn("skipped: no mkfifo or /dev/zero here, so pipes and devices are not tried");
(hasPipes ? test : test.skip)("a pipe, a device or a folder is not opened as a file", async () => {
  const pipe = join(scratch, "pipe");
  await expect(openRegularFile(pipe)).rejects.toThrow(`${pipe}: could not be read: it is a pipe, not an ordinary file`);
  await expect(openRegularFile("/dev/zero")).rejects.toThrow(
    "/dev/zero: could not be read: it is a device, not an ordinary file",
  );
  await expect(regularFile(scratch)).rejects.toThrow(`${scratch}: could not be read: it is a folder, not a file`);
  await expect(regularFile(join(scratch, "none"))).rejects.toThrow("could not be read: no such file or folder");
  writeFileSync(join(scratch, "ordinary"), "xyz");
  const { handle, stats } = await openRegularFile(join(scratch, "ordinary"));
  expect(stats.size).toBe(3);
  await handle.close();
});

test("a planted link of an output's name is replaced and what it leads to is left alone, also by a line of a log", async () => {
  const folder = join(scratch, "planted");
  mkdirSync(folder);
  const victim = join(folder, "victim");
  writeFileSync(victim, "mine");
  const names = ["log.ndjson", "copy.json", "plans.json"];
  for (const name of names) symlinkSync(victim, join(folder, name));
  linkSync(victim, join(folder, "hard.ndjson"));
  symlinkSync(join(folder, "nowhere"), join(folder, "dangling.ndjson"));
  await appendLine(join(folder, "log.ndjson"), "1");
  await appendLine(join(folder, "log.ndjson"), "2");
  await appendLine(join(folder, "hard.ndjson"), "3");
  await appendLine(join(folder, "dangling.ndjson"), "4");
  await copyFileAtomic(victim, join(folder, "copy.json"));
  await writeJsonAtomic(join(folder, "plans.json"), {});
  expect(readFileSync(victim, "utf8")).toBe("mine");
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  expect(["log.ndjson", "hard.ndjson", "dangling.ndjson", "copy.json"].map(read)).toEqual([
    "1\n2\n",
    "mine3\n",
    "4\n",
    "mine",
  ]);
  expect(readdirSync(folder).filter((name) => lstatSync(join(folder, name)).isSymbolicLink())).toEqual([]);
  expect(readdirSync(folder)).not.toContain("nowhere");
});
