import { throwIfCancelled } from "@nnunet/core";

export interface BoundedTask<T> {
  readonly input: T;
  /** What it needs at its peak, bytes. */
  readonly bytes: number;
}

export interface Bounds {
  /** Tasks at a time. */
  readonly workers: number;
  /** Sum of `bytes` of the tasks that run at a time. A task larger than this runs alone. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs tasks in order, as many at a time as workers and memory allow, and returns their results in the same order.
 * The first failure stops new tasks from starting, waits for the running ones, and is thrown.
 *
 * @param work - named in the error if it is cancelled
 */
export async function runBounded<T, R>(
  work: string,
  tasks: readonly BoundedTask<T>[],
  { workers, maxBytes, signal }: Bounds,
  run: (input: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(tasks.length);
  const running = new Set<Promise<void>>();
  let bytesInUse = 0;
  let failure: { error: unknown } | undefined;
  for (const [index, task] of tasks.entries()) {
    while (running.size > 0 && (running.size >= workers || bytesInUse + task.bytes > maxBytes)) {
      await Promise.race(running);
    }
    if (failure || signal?.aborted) break;
    bytesInUse += task.bytes;
    const done: Promise<void> = run(task.input, index)
      .then(
        (result) => {
          results[index] = result;
        },
        (error) => {
          failure ??= { error };
        },
      )
      .finally(() => {
        bytesInUse -= task.bytes;
        running.delete(done);
      });
    running.add(done);
  }
  await Promise.all(running);
  throwIfCancelled(signal, work);
  if (failure) throw failure.error;
  return results;
}
