import { randomBytes } from "node:crypto";
import { closeSync, openSync, rmdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FileError, throwIfCancelled } from "../errors.ts";
import type { StageOptions } from "../events.ts";
import { describeFileError, makeFolder } from "./files.ts";
import { removeTemporariesOf, tellTemporary } from "./temporaries.ts";
import { hasEnded, isOnThisMachine, type LockHolder, readHolder, thisProcess } from "./lock-holder.ts";

/*
 * Two processes never write one thing at the same time. Whoever writes `fold_0` holds `.fold_0.lock` beside it, a small
 * JSON file that says who, since when and why (see lock-holder.ts), created exclusively. It goes when the work ends,
 * however it ends; the lock of a process that was killed is recognised and removed by the next one, with what that process
 * had in the making there.
 */

export interface Lock {
  /** Lets go; the folder that was made for the lock alone goes, too. */
  release(): void;
}

/** Somebody else writes. */
export interface Busy {
  /** One sentence: who, since when, and what to do. */
  readonly problem: string;
  /** Whether it can be seen from here that they live, so that waiting ends. */
  readonly canBeWaitedFor: boolean;
}

/** The file that stands for the right to write `target`, a file or folder. */
export function lockFile(target: string): string {
  const path = resolve(target);
  return join(dirname(path), `.${basename(path)}.lock`);
}

/**
 * Takes the right to write `target`, if nobody has it. Where nothing can be written there is nothing to be locked: then
 * the lock is had without a file.
 *
 * @param target - a file or folder, there or not yet; its folder is made
 * @param work - for others to read: "training fold 0"
 * @throws {FileError} if the folder cannot be made or the disk is full
 */
export async function tryLock(target: string, work: string): Promise<Lock | Busy> {
  const path = lockFile(target);
  const made: string[] = [];
  for (let attempt = 0; ; attempt++) {
    made.push(...(await makeFolder(dirname(path))));
    const token = randomBytes(8).toString("hex");
    const taken = take(path, thisProcess(work, token));
    if (taken === true) return hold(path, token, made);
    if (["EACCES", "EROFS", "EPERM"].includes(taken.code!)) return { release() {} };
    // its folder was somebody else's, and went with their lock; or, as below /proc, no file can be made there at all
    if (taken.code === "ENOENT" && attempt < 100) continue;
    if (taken.code !== "EEXIST") {
      removeFolders(made);
      throw describeFileError(target, "could not be written", taken);
    }
    const other = await lockedBy(target);
    if (other) return other;
    const ended = removeEndedLock(path);
    if (ended?.mark) await removeTemporariesOf(ended.mark, target);
    // Others may be removing it at this moment; what is still there after seconds cannot be removed.
    if (attempt > 0) await sleep(30);
    if (attempt > 250) return busy(path, undefined);
  }
}

/** Who writes `target` at the moment; undefined if nobody does, or one that has ended. */
export async function lockedBy(target: string): Promise<Busy | undefined> {
  const path = lockFile(target);
  const holder = await settledHolder(path);
  if (holder === "none") return undefined;
  if (holder === "unreadable") return busy(path, undefined);
  return isOnThisMachine(holder) && hasEnded(holder) ? undefined : busy(path, holder);
}

/**
 * Who writes `target`, for a list that may be shown on another machine: no process id, no path.
 *
 * @example await writerOf(fold); // "training fold 0 of 3d_fullres, on node7 since 2026-11-26T07:14:03.120Z"
 */
export async function writerOf(target: string): Promise<string | undefined> {
  const holder = await settledHolder(lockFile(target));
  if (holder === "none") return undefined;
  if (holder === "unreadable") return "somebody whose lock does not say who";
  if (isOnThisMachine(holder) && hasEnded(holder)) return undefined;
  return `${holder.work}, on ${holder.host} since ${holder.since}`;
}

/** Removes a lock file of a process of this machine that has ended, and says whose it was; any other is left. */
export function removeEndedLock(path: string): LockHolder | undefined {
  const holder = readHolder(path);
  if (typeof holder !== "object" || !isOnThisMachine(holder) || !hasEnded(holder)) return undefined;
  removeStale(path, holder.token);
  return holder;
}

/**
 * Does a piece of work while holding the right to write `target`.
 *
 * @param options.wait - wait for another process of this machine instead of refusing: for work that comes out the same
 *   whoever does it; that it waits, and for whom, is told
 * @throws {FileError} who writes there, since when, and what to do
 */
export async function whileLocked<T>(
  target: string,
  work: string,
  run: () => Promise<T>,
  { wait, ...options }: StageOptions & { readonly wait?: { readonly stage: string } } = {},
): Promise<T> {
  let lock = await tryLock(target, work);
  if ("problem" in lock && lock.canBeWaitedFor && wait) {
    const text = `waiting: ${target} ${lock.problem}`;
    options.onEvent?.({ type: "message", stage: wait.stage, level: "info", text });
    while ("problem" in lock && lock.canBeWaitedFor) {
      await pause(options.signal, work);
      lock = await tryLock(target, work);
    }
  }
  if ("problem" in lock) throw new FileError(target, lock.problem);
  try {
    return await run();
  } finally {
    lock.release();
  }
}

/** A moment between two looks at somebody's lock; an aborted signal ends it. */
export async function pause(signal: AbortSignal | undefined, work: string): Promise<void> {
  await sleep(200, undefined, { signal }).catch(() => {});
  throwIfCancelled(signal, work);
}

/** Creates the lock file, or says why it cannot be; one that was created and not filled is gone again. */
function take(path: string, holder: LockHolder): true | NodeJS.ErrnoException {
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  try {
    writeFileSync(file, `${JSON.stringify(holder, null, 1)}\n`);
    return true;
  } catch (error) {
    removeFile(path);
    return error as NodeJS.ErrnoException;
  } finally {
    closeSync(file);
  }
}

function busy(path: string, holder: LockHolder | undefined): Busy {
  if (holder === undefined) {
    const problem = `is locked by ${path}, which does not say by whom; if nothing writes there, remove that file`;
    return { problem, canBeWaitedFor: false };
  }
  const near = isOnThisMachine(holder);
  const where = near ? "this machine" : holder.host;
  const who = `process ${holder.pid} on ${where} (${holder.work}; ${holder.command})`;
  const gone = near ? ", or stop it" : `; if it is gone, remove ${path}`;
  return {
    problem: `is being written by ${who} since ${holder.since}; wait until it ends${gone}`,
    canBeWaitedFor: near,
  };
}

/** A lock is created and filled in two steps: a file that is not whole gets a moment. */
async function settledHolder(path: string): Promise<ReturnType<typeof readHolder>> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const holder = readHolder(path);
    if (holder !== "unreadable") return holder;
    await sleep(30);
  }
  return "unreadable";
}

/**
 * Removes the lock of a process that has ended, unless it is another's by now. One process at a time looks and removes,
 * in one go; else a slow one could remove the lock that a quick one has just taken.
 */
function removeStale(path: string, token: string): void {
  const turn = `${path}.turn`;
  try {
    closeSync(openSync(turn, "wx"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST")
      throw describeFileError(path, "could not be removed", error);
    // Held for microseconds: one that is older was left by a kill in between.
    if (ageSeconds(turn) > 5) removeFile(turn);
    return;
  }
  try {
    const holder = readHolder(path);
    if (typeof holder === "object" && holder.token === token) removeFile(path);
  } finally {
    removeFile(turn);
  }
}

function ageSeconds(path: string): number {
  try {
    return (Date.now() - statSync(path).mtimeMs) / 1000;
  } catch {
    return 0;
  }
}

/** The locks of this process, by their file; released by `process.exit`, too. */
const held = new Map<string, string>();

function hold(path: string, token: string, made: readonly string[]): Lock {
  tellTemporary(path);
  if (held.size === 0) process.on("exit", releaseAll);
  held.set(path, token);
  return {
    release() {
      held.delete(path);
      if (held.size === 0) process.off("exit", releaseAll);
      removeOwn(path, token, made);
    },
  };
}

function releaseAll(): void {
  for (const [path, token] of held) removeOwn(path, token, []);
}

function removeOwn(path: string, token: string, made: readonly string[]): void {
  const holder = readHolder(path);
  if (typeof holder === "object" && holder.token === token) removeFile(path);
  removeFolders(made);
}

function removeFolders(made: readonly string[]): void {
  for (const folder of [...made].reverse()) {
    try {
      rmdirSync(folder); // fails, as it should, where something has been written
    } catch {
      return;
    }
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // gone already
  }
}
