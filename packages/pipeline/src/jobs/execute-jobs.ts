import { isNnunetError, JobsError, type StageOptions, throwIfCancelled } from "@nnunet/core";
import { type Busy, lockedBy, pause } from "@nnunet/core/node";
import type { JobEstimate, JobWork } from "./job.ts";
import { measured } from "./measured.ts";

/** Where it is noted how each job ended. */
export interface JobNotes {
  /**
   * @param why - undefined if it did not fail
   * @param took - undefined if it failed, or was done before and only looked at
   */
  ended(job: JobWork, why: string | undefined, took?: JobEstimate): Promise<void>;
}

export interface ExecuteOptions extends StageOptions {
  /** A job that was left to another process, as it is to be done by now; the same by default. */
  readonly latest?: (job: JobWork) => Promise<JobWork>;
}

/**
 * Does jobs one after the other. A failed one stops only what needs it; the others are done all the same. What another
 * process is at is left to it, and looked at when there is nothing else to be done.
 *
 * @param jobs - each behind those that it needs; asked for one by one
 * @returns what came out, by id
 * @throws what the one failed job threw, or {@link JobsError} if there are several; after everything else is done
 * @throws {CancelledError} at once
 */
export async function executeJobs(
  jobs: Iterable<JobWork> | AsyncIterable<JobWork>,
  notes: JobNotes,
  { signal, onEvent, latest = async (job) => job }: ExecuteOptions,
): Promise<ReadonlyMap<string, unknown>> {
  const results = new Map<string, unknown>();
  const failures = new Map<string, unknown>();
  const leftOut = new Set<string>();
  const waiting = new Map<string, JobWork>();
  const say = (level: "info" | "warning", text: string) => onEvent?.({ type: "message", stage: "run", level, text });
  let untold: string | undefined;
  const perform = async (job: JobWork) => {
    throwIfCancelled(signal, "run");
    if (!job.afterFailures && job.needs.some((id) => failures.has(id) || leftOut.has(id))) {
      leftOut.add(job.id);
      return;
    }
    // What stops everything is told once, by the error that is thrown.
    if (untold !== undefined) say("warning", `${untold}; going on with ${job.id}`);
    untold = undefined;
    try {
      const wasDone = await job.isDone();
      const { result, took } = await measured(() => job.perform());
      results.set(job.id, result);
      await notes.ended(job, undefined, wasDone ? undefined : took);
    } catch (error) {
      if (signal?.aborted || isNnunetError(error, "CANCELLED")) throw error;
      failures.set(job.id, error);
      const why = error instanceof Error ? error.message : String(error);
      await notes.ended(job, why);
      untold = `${job.id} failed: ${why}`;
    }
  };
  const isReady = (job: JobWork) => !job.needs.some((id) => waiting.has(id));
  /** Does what somebody else has ended, or given up, meanwhile. */
  const performFreed = async () => {
    for (const job of waiting.values()) {
      if (!isReady(job) || (await othersAt(job))) continue;
      waiting.delete(job.id);
      await perform(await latest(job));
      return true;
    }
    return false;
  };
  for await (const job of jobs) {
    while (await performFreed());
    const others = isReady(job) ? await othersAt(job) : undefined;
    if (others) say("info", `${job.id} is left to another process for now: ${others.text}`);
    if (others || !isReady(job)) waiting.set(job.id, job);
    else await perform(job);
  }
  const told = new Set<string>();
  while (waiting.size > 0) {
    if (await performFreed()) continue;
    for (const job of waiting.values()) {
      const others = isReady(job) ? await othersAt(job) : undefined;
      if (!others) continue;
      if (!others.canBeWaitedFor) {
        // On another machine, where nobody sees whether it lives: the job says so, and which file is in the way.
        waiting.delete(job.id);
        await perform(job);
        break;
      }
      if (!told.has(others.text)) say("info", `waiting for ${job.id}: ${others.text}`);
      told.add(others.text);
    }
    await pause(signal, "run");
  }
  if (leftOut.size > 0) say("warning", `left out, because what they need failed: ${[...leftOut].join(", ")}`);
  if (failures.size === 1) throw [...failures.values()][0];
  if (failures.size > 1) throw new JobsError([...failures].map(([id, cause]) => ({ id, cause })));
  return results;
}

/** Who is at a job that only one can be at. */
async function othersAt({
  alone,
  writes,
}: JobWork): Promise<(Pick<Busy, "canBeWaitedFor"> & { text: string }) | undefined> {
  for (const path of alone ? writes : []) {
    const busy = await lockedBy(path);
    if (busy) return { canBeWaitedFor: busy.canBeWaitedFor, text: `${path} ${busy.problem}` };
  }
  return undefined;
}
