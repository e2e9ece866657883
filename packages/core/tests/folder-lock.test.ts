import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { lockFile, tryLock, whileLocked } from "@nnunet/core/node";

// Other test files may use the cores at the same time.
jest.setTimeout(120_000);

const scratch = mkdtempSync(join(tmpdir(), "core-lock-"));
afterAll(() => rmSync(scratch, { recursive: true }));
let count = 0;
let folder = "";
beforeEach(() => {
  folder = join(scratch, String(count++));
});

const problemOf = (tried: Awaited<ReturnType<typeof tryLock>>) => ("problem" in tried ? tried.problem : "taken");
const fileOf = (target: string) => JSON.parse(readFileSync(lockFile(target), "utf8")) as Record<string, unknown>;
const change = (target: string, values: Record<string, unknown>) =>
  writeFileSync(lockFile(target), JSON.stringify({ ...fileOf(target), ...values }));

describe("one at a time", () => {
  test("who comes second is told who writes, since when and what to do; afterwards the way is free", async () => {
    const target = join(folder, "a", "fold_0");
    await whileLocked(target, "training fold 0", async () => {
      expect(readdirSync(join(folder, "a"))).toEqual([".fold_0.lock"]);
      const { since } = fileOf(target);
      await expect(whileLocked(target, "training fold 0", async () => 1)).rejects.toThrow(
        `${target}: is being written by process ${process.pid} on this machine (training fold 0; nnunet`,
      );
      expect(problemOf(await tryLock(target, "x"))).toMatch(
        new RegExp(`since ${since}; wait until it ends, or stop it$`),
      );
      // another target of the same folder is free
      expect(await whileLocked(join(folder, "a", "fold_1"), "training fold 1", async () => 2)).toBe(2);
    });
    expect(existsSync(folder)).toBe(false); // made for the lock alone
    await expect(
      whileLocked(target, "w", async () => {
        throw new Error("failed");
      }),
    ).rejects.toThrow("failed");
    expect(existsSync(lockFile(target))).toBe(false);
  });

  test("where it may wait it tells for whom, and an aborted signal ends the waiting", async () => {
    const target = join(folder, "plan");
    const told: string[] = [];
    const wait = { stage: "plan" };
    const onEvent = (event: { type: string; text?: string }) => told.push(event.text ?? "");
    const first = await tryLock(target, "planning");
    const second = whileLocked(target, "planning", async () => "second", { wait, onEvent });
    const abort = new AbortController();
    const third = whileLocked(target, "planning", async () => "third", { wait, signal: abort.signal });
    abort.abort();
    await expect(third).rejects.toThrow("planning: cancelled");
    if ("release" in first) first.release();
    expect(await second).toBe("second");
    expect(told).toEqual([expect.stringContaining(`waiting: ${target} is being written by process ${process.pid}`)]);
  });
});

describe("the lock of somebody who is gone", () => {
  const leave = async (target: string, values: Record<string, unknown>) => {
    await tryLock(target, "training");
    change(target, { token: "another", ...values });
  };
  const deadPid = spawnSync(process.execPath, ["-e", ""]).pid;

  test("on this machine is recognised by the process that has ended", async () => {
    const target = join(folder, "fold_0");
    await leave(target, { pid: deadPid });
    expect(problemOf(await tryLock(target, "x"))).toBe("taken");
  });

  const startsAreTold = ["linux", "darwin"].includes(process.platform);
  if (!startsAreTold) console.warn("skipped: this system does not tell when a process started");
  (startsAreTold ? test : test.skip)("nor does a later process of the same number hold it", async () => {
    const target = join(folder, "fold_0");
    await leave(target, { processStart: "another time" });
    expect(problemOf(await tryLock(target, "x"))).toBe("taken");
  });

  test("on another machine, or in another container, is never taken; the file to remove is named", async () => {
    const target = join(folder, "fold_0");
    await leave(target, { pid: deadPid, host: "node7" });
    const tried = await tryLock(target, "x");
    expect(problemOf(tried)).toMatch(/is being written by process \d+ on node7 \(training; .*\) since /);
    expect(problemOf(tried)).toContain(`wait until it ends; if it is gone, remove ${lockFile(target)}`);
    expect("canBeWaitedFor" in tried && tried.canBeWaitedFor).toBe(false);
    change(target, { host: hostname(), pidNamespace: "pid:[1]" });
    expect(problemOf(await tryLock(target, "x"))).toContain("if it is gone, remove");
  });

  test("which cannot be removed, because something holds the turn of removing, is told and not waited for without end", async () => {
    const target = join(folder, "fold_0");
    await leave(target, { pid: deadPid });
    mkdirSync(`${lockFile(target)}.turn`);
    expect(problemOf(await tryLock(target, "x"))).toContain(`is locked by ${lockFile(target)}`);
  });

  test("which cannot be read is never taken; a link or a pipe of that name is not opened", async () => {
    const target = join(folder, "fold_0");
    mkdirSync(folder);
    const make = [
      () => writeFileSync(lockFile(target), "{}"),
      () => writeFileSync(lockFile(target), "null"),
      () => symlinkSync("/dev/zero", lockFile(target)),
      () => symlinkSync(join(folder, "nowhere"), lockFile(target)),
      () => spawnSync("mkfifo", [lockFile(target)]),
    ];
    for (const plant of make) {
      plant();
      expect(problemOf(await tryLock(target, "x"))).toBe(
        `is locked by ${lockFile(target)}, which does not say by whom; if nothing writes there, remove that file`,
      );
      unlinkSync(lockFile(target));
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});

// Processes run the built package.
const root = fileURLToPath(new URL("../../..", import.meta.url));
const built = existsSync(join(root, "packages/core/dist/node/folder-lock.js"));
if (!built) console.warn("skipped: locks between processes are not tried: packages/core is not built (npm run build)");
const start = (code: string, ...args: string[]) => {
  const script = `import { temporaryBeside, tryLock, whileLocked } from "@nnunet/core/node"; import fs from "node:fs";\n${code}`;
  return spawn(process.execPath, ["--input-type=module", "-e", script, "lock", ...args], { cwd: root, stdio: "pipe" });
};
const ended = (child: ReturnType<typeof start>) =>
  new Promise<{ code: number | null; text: string }>((done) => {
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream!.on("data", (data) => (text += data));
    child.on("close", (code) => done({ code, text }));
  });

describe("several processes at the same time", () => {
  const several = built ? test : test.skip;

  several("never do the work together, though each finds the lock of a dead one, again and again", async () => {
    const target = join(folder, "sum");
    mkdirSync(folder);
    writeFileSync(target, "0");
    // Waits for a common start; then adds one to a number in a file, which goes wrong if two do it together, and at
    // times leaves its lock behind as a killed process does: as another's, whose process has ended.
    const code = `
      const [, , target, dead, began] = process.argv;
      const file = target.replace(/sum$/, ".sum.lock");
      while (Date.now() < Number(began));
      for (let turn = 0; turn < 15; turn++) {
        await whileLocked(target, "adding", async () => {
          const before = Number(fs.readFileSync(target, "utf8"));
          await new Promise((done) => setTimeout(done, Math.random() * 3));
          fs.writeFileSync(target, String(before + 1));
          if (turn % 3 === 0) {
            const left = JSON.parse(fs.readFileSync(file, "utf8"));
            fs.writeFileSync(file + ".tmp" + process.pid, JSON.stringify({ ...left, pid: Number(dead), token: String(Math.random()) }));
            fs.renameSync(file + ".tmp" + process.pid, file);
          }
        }, { wait: { stage: "test" } });
      }`;
    const dead = String(spawnSync(process.execPath, ["-e", ""]).pid);
    const began = String(Date.now() + 1500);
    const processes = Array.from({ length: 5 }, () => ended(start(code, target, dead, began)));
    for (const { code: exit, text } of await Promise.all(processes)) expect([exit, text]).toEqual([0, ""]);
    expect(readFileSync(target, "utf8")).toBe("75");
  });

  several("what a killed one had in the making goes with its lock, and nothing else", async () => {
    const target = join(folder, "fold_0");
    const code = `const target = process.argv[2];
      fs.mkdirSync(target + "/validation", { recursive: true });
      await tryLock(target, "training");
      for (const path of [target, target + "/validation/summary.json", target + "/../plans.json"]) {
        fs.writeFileSync(temporaryBeside(path), "half");
      }
      console.log("locked"); setInterval(() => {}, 1000);`;
    const child = start(code, target);
    const end = ended(child);
    await new Promise((done) => child.stdout!.once("data", done));
    child.kill("SIGKILL");
    await end;
    const names = () =>
      readdirSync(folder, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith(".tmp"));
    expect(names()).toHaveLength(3);
    // of a process of the same number in a container, and of a file that only looks so
    const others = [`${target}/model.onnx.${child.pid}-00000000-12345678.tmp`, `${target}/${child.pid}-notes.tmp`];
    for (const other of others) writeFileSync(other, "somebody's");
    const next = await tryLock(target, "x");
    expect(problemOf(next)).toBe("taken");
    expect(
      names()
        .map((name) => join(folder, name))
        .sort(),
    ).toEqual(others.sort());
    if ("release" in next) next.release();
  });

  several("a killed one leaves a lock that the next recognises; one that exits leaves none", async () => {
    const target = join(folder, "fold_0");
    const code = `await tryLock(process.argv[2], "training"); setInterval(() => {}, 1000);
      process.on("SIGINT", () => process.exit(130)); console.log("locked");`;
    for (const signal of ["SIGKILL", "SIGINT"] as const) {
      const child = start(code, target);
      const end = ended(child);
      await new Promise((done) => child.stdout!.once("data", done));
      expect(problemOf(await tryLock(target, "x"))).toContain(`process ${child.pid} on this machine (training; nnunet`);
      child.kill(signal);
      await end;
      expect(existsSync(lockFile(target))).toBe(signal === "SIGKILL");
      const next = await tryLock(target, "x");
      expect(problemOf(next)).toBe("taken");
      if ("release" in next) next.release();
    }
  });
});

const hasProc = process.platform === "linux";
if (!hasProc) console.warn("skipped: this system has no /proc");
(hasProc ? test : test.skip)("a folder in which no file can be made is told, not tried without end", async () => {
  await expect(tryLock("/proc/x.nii.gz", "x")).rejects.toThrow("/proc/x.nii.gz: could not be written");
});
