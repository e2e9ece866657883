import { isNnunetError, JobsError, type StageOptions, throwIfCancelled } from "@nnunet/core";
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

/**
 * Does jobs one after the other. A failed one stops only what needs it; the others are done all the same.
 *
 * @param jobs - each behind those that it needs; asked for one by one
 * @returns what came out, by id
 * @throws what the one failed job threw, or {@link JobsError} if there are several; after everything else is done
 * @throws {CancelledError} at once
 */
export async function executeJobs(
  jobs: Iterable<JobWork> | AsyncIterable<JobWork>,
  notes: JobNotes,
  { signal, onEvent }: StageOptions,
): Promise<ReadonlyMap<string, unknown>> {
  const results = new Map<string, unknown>();
  const failures = new Map<string, unknown>();
  const leftOut = new Set<string>();
  const warn = (text: string) => onEvent?.({ type: "message", stage: "run", level: "warning", text });
  let untold: string | undefined;
  for await (const job of jobs) {
    throwIfCancelled(signal, "run");
    if (!job.afterFailures && job.needs.some((id) => failures.has(id) || leftOut.has(id))) {
      leftOut.add(job.id);
      continue;
    }
    // What stops everything is told once, by the error that is thrown.
    if (untold !== undefined) warn(`${untold}; going on with ${job.id}`);
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
  }
  if (leftOut.size > 0) warn(`left out, because what they need failed: ${[...leftOut].join(", ")}`);
  if (failures.size === 1) throw [...failures.values()][0];
  if (failures.size > 1) throw new JobsError([...failures].map(([id, cause]) => ({ id, cause })));
  return results;
}
