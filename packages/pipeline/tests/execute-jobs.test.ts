import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { CancelledError, FileError, type NnunetEvent } from "@nnunet/core";
import { lockFile, tryLock } from "@nnunet/core/node";
import { executeJobs } from "../src/jobs/execute-jobs.ts";
import type { JobWork } from "../src/jobs/job.ts";
import { withScratch } from "./tiny-dataset.ts";

/** A job that notes that it was done, or fails. */
function job(id: string, needs: readonly string[], perform: () => Promise<unknown>): JobWork {
  return { id, needs, command: [], makes: [], writes: [], isDone: async () => false, perform };
}

/** Six jobs: a ← b, c; b ← d; c ← e; f alone. */
function six(failing: Readonly<Record<string, unknown>>) {
  const done: string[] = [];
  const ended: [string, string | undefined][] = [];
  const needs = { a: [], b: ["a"], c: ["a"], d: ["b"], e: ["c"], f: [] };
  const jobs = Object.entries(needs).map(([id, needed]) =>
    job(id, needed, async () => {
      if (id in failing) throw failing[id];
      done.push(id);
      return id.toUpperCase();
    }),
  );
  const notes = { ended: async ({ id }: JobWork, why: string | undefined) => void ended.push([id, why]) };
  const said: string[] = [];
  const onEvent = (event: NnunetEvent) => void (event.type === "message" && said.push(event.text));
  return {
    done,
    ended,
    said,
    run: (signal?: AbortSignal) => executeJobs(jobs, notes, { onEvent, ...(signal && { signal }) }),
  };
}

test("what comes out of each job is handed back by its id", async () => {
  const { run, ended, said } = six({});
  expect([...(await run())]).toEqual(["a", "b", "c", "d", "e", "f"].map((id) => [id, id.toUpperCase()]));
  expect(ended).toEqual(["a", "b", "c", "d", "e", "f"].map((id) => [id, undefined]));
  expect(said).toEqual([]);
});

test("a failed job stops only what needs it, and what it threw comes at the end", async () => {
  const failure = new FileError("fold_0", "is full");
  const { run, done, ended, said } = six({ b: failure });
  await expect(run()).rejects.toBe(failure);
  expect(done).toEqual(["a", "c", "e", "f"]);
  expect(ended).toContainEqual(["b", "fold_0: is full"]);
  expect(said).toEqual(["b failed: fold_0: is full; going on with c", "left out, because what they need failed: d"]);
});

test("several failures are told in one sentence", async () => {
  const { run, done } = six({ b: new FileError("x", "is gone"), c: new FileError("y", "is damaged") });
  await expect(run()).rejects.toThrow("2 jobs failed: b (x: is gone); c (y: is damaged)");
  expect(done).toEqual(["a", "f"]);
});

test("the failure of what everything needs is told once", async () => {
  const failure = new FileError("a", "is missing");
  const jobs = [job("a", [], async () => Promise.reject(failure)), job("b", ["a"], async () => "never")];
  const said: string[] = [];
  const onEvent = (event: NnunetEvent) => void (event.type === "message" && said.push(event.text));
  await expect(executeJobs(jobs, { ended: async () => {} }, { onEvent })).rejects.toBe(failure);
  expect(said).toEqual(["left out, because what they need failed: b"]);
});

test("a cancelled job is no failure: nothing is noted, and nothing else is begun", async () => {
  const { run, done, ended } = six({ b: new CancelledError("training") });
  await expect(run()).rejects.toThrow("training: cancelled");
  expect(done).toEqual(["a"]);
  expect(ended).toEqual([["a", undefined]]);
});

test("a job that tells of the others is done also where one of them failed, after everything else", async () => {
  const failure = new FileError("fold_0", "is full");
  const done: string[] = [];
  const say = (id: string) => async () => void done.push(id);
  const jobs = [
    job("a", [], async () => {
      throw failure;
    }),
    job("b", ["a"], say("b")),
    job("c", [], say("c")),
    { ...job("report", ["a", "b", "c"], say("report")), afterFailures: true as const },
  ];
  await expect(executeJobs(jobs, { ended: async () => {} }, {})).rejects.toBe(failure);
  expect(done).toEqual(["c", "report"]);
});

test("notes what a job took, unless there was nothing to do", async () => {
  const took: Record<string, unknown> = {};
  const notes = { ended: async ({ id }: JobWork, _: unknown, measure: unknown) => void (took[id] = measure) };
  const work = () => new Promise((resolve) => setTimeout(resolve, 60));
  const jobs = [job("a", [], work), { ...job("b", [], work), isDone: async () => true }];
  await executeJobs(jobs, notes, {});
  expect(took["a"]).toEqual({ seconds: expect.any(Number), memoryGb: expect.any(Number) });
  const { seconds, memoryGb } = took["a"] as { seconds: number; memoryGb: number };
  expect(seconds).toBeGreaterThan(0.05);
  expect(memoryGb).toBeGreaterThan(0.01);
  expect(took["b"]).toBeUndefined();
});

/** Somebody else at work, whom the test ends. */
async function others(target: string) {
  const lock = await tryLock(target, "training fold 0 of 2d");
  if ("problem" in lock) throw new Error(lock.problem);
  return lock;
}

test("what another process is at is left to it and looked at last; what needs it waits, and for whom is told", () =>
  withScratch(async (scratch) => {
    const target = join(scratch, "fold_0");
    const lock = await others(target);
    const done: string[] = [];
    const say = (id: string) => async () => {
      done.push(id);
      if (id === "c") setTimeout(() => lock.release(), 500);
    };
    const jobs: JobWork[] = [
      { ...job("a", [], say("a")), writes: [target], alone: true },
      job("b", ["a"], say("b")),
      job("c", [], say("c")),
      { ...job("report", ["a", "b", "c"], say("report")), afterFailures: true },
    ];
    const said: string[] = [];
    const onEvent = (event: NnunetEvent) => void (event.type === "message" && said.push(event.text));
    const results = await executeJobs(jobs, { ended: async () => {} }, { onEvent });
    expect(done).toEqual(["c", "a", "b", "report"]);
    expect([...results.keys()]).toEqual(["c", "a", "b", "report"]);
    expect(said).toEqual([
      expect.stringMatching(
        /^a is left to another process for now: .*fold_0 is being written by process \d+ on this machine/,
      ),
      expect.stringMatching(/^waiting for a: .*\(training fold 0 of 2d; /),
    ]);
  }));

test("what was left to another process and is free again goes before what comes later, as it stands by then", () =>
  withScratch(async (scratch) => {
    const target = join(scratch, "fold_0");
    const lock = await others(target);
    const done: string[] = [];
    const jobs: JobWork[] = [
      { ...job("a", [], async () => void done.push("a as it was")), writes: [target], alone: true },
      job("b", [], async () => {
        done.push("b");
        lock.release();
      }),
      job("c", [], async () => void done.push("c")),
    ];
    const latest = async (stale: JobWork) => ({ ...stale, perform: async () => void done.push("a as it is now") });
    await executeJobs(jobs, { ended: async () => {} }, { latest });
    expect(done).toEqual(["b", "a as it is now", "c"]);
  }));

test("cases that are shared are not waited for, and a lock of another machine is told at the end, by the job", () =>
  withScratch(async (scratch) => {
    const target = join(scratch, "fold_0");
    const lock = await others(target);
    const file = lockFile(target);
    const holder = JSON.parse(await readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...holder, host: "node7" }));
    const done: string[] = [];
    const jobs: JobWork[] = [
      {
        ...job("a", [], async () => Promise.reject(new FileError(target, "is being written on node7"))),
        writes: [target],
        alone: true,
      },
      { ...job("shared", [], async () => void done.push("shared")), writes: [target] },
    ];
    await expect(executeJobs(jobs, { ended: async () => {} }, {})).rejects.toThrow("is being written on node7");
    expect(done).toEqual(["shared"]);
    lock.release();
    await rm(file, { force: true });
  }));

test("waiting ends when the run is cancelled", () =>
  withScratch(async (scratch) => {
    const target = join(scratch, "fold_0");
    const lock = await others(target);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    const jobs = [{ ...job("a", [], async () => "never"), writes: [target], alone: true as const }];
    await expect(executeJobs(jobs, { ended: async () => {} }, { signal: abort.signal })).rejects.toThrow("cancelled");
    lock.release();
  }));
