import { totalmem } from "node:os";
import { FileError, isNnunetError, memoryLimit, type StageOptions, StageError, threadCount } from "@nnunet/core";
import { freeMemory, pause, tryLock, usableCores } from "@nnunet/core/node";
import { Piscina } from "piscina";
import { type BoundedTask, runBounded } from "./bounded-tasks.ts";
import { type Carried, unpack } from "./carry-error.ts";
import { workerEntry } from "./worker-entry.ts";

/**
 * Milliseconds. Between two cases a lock is taken, in which Piscina would end an idle thread at once; to load the modules
 * anew costs more than a small case.
 */
const idleTimeout = 10_000;

export interface PoolOptions extends StageOptions {
  /** Threads; as many as the machine has cores by default. The number never changes a result. */
  readonly workers?: number;
  /** SHA-256 per case id, where the caller knows them already; the files are then not read for it again. */
  readonly inputHashes?: ReadonlyMap<string, string>;
  /** The images have been verified, so what is odd about them has been told already. */
  readonly verified?: boolean;
  /**
   * What all cases in work may take together, GB; a case that alone would take more is refused. By default what is free,
   * and together at most half of the machine's memory.
   */
  readonly maxMemoryGb?: number;
}

export interface CaseWork<T> extends BoundedTask<T> {
  readonly id: string;
  /** The file or folder that the task writes. What another process is writing is left to it, and looked at afterwards. */
  readonly writes?: string;
}

/** The functions that the worker threads know. */
type WorkerTask = "hash" | "measure" | "preprocess" | "evaluate";

/**
 * Runs one kind of task on every case and reports progress under the stage's name.
 *
 * @param run - the name of a task to use worker threads, or a function to run in this thread
 * @param keep - what of a result stays in memory until the end; all of it by default
 * @returns what was kept, in the order of the cases, whatever order they finished in
 * @throws {StageError} names the stage and the case
 */
export async function overCases<T, R, K = R>(
  stage: string,
  cases: readonly CaseWork<T>[],
  run: WorkerTask | ((input: T) => Promise<R>),
  { workers, maxMemoryGb, signal, onEvent }: PoolOptions,
  keep: (result: R) => K = (result) => result as unknown as K,
): Promise<K[]> {
  const threads = Math.min(workers === undefined ? usableCores() : threadCount("workers", workers), cases.length);
  const maxBytes = memoryLimit(maxMemoryGb, Math.min(totalmem() / 2, freeMemory())).bytes;
  const pool =
    typeof run === "string" && threads > 0
      ? new Piscina({ filename: workerEntry("case-worker"), minThreads: 0, maxThreads: threads, idleTimeout })
      : undefined;
  const kept = new Array<K>(cases.length);
  let done = 0;
  const runOne = async (index: number) => {
    const { id, input } = cases[index]!;
    const result: R =
      typeof run === "string" ? unpack((await pool!.run(input, { name: run })) as Carried<R>) : await run(input);
    onEvent?.({ type: "progress", stage, done: ++done, total: cases.length, item: id });
    kept[index] = keep(result);
  };
  const bounds = { workers: pool ? threads : 1, maxBytes, signal };
  try {
    let told = false;
    let left = cases.map((_, index) => index);
    for (;;) {
      const busy: { readonly index: number; readonly problem: string }[] = [];
      const tasks = left.map((index) => ({ bytes: cases[index]!.bytes, input: index }));
      await runBounded(stage, tasks, bounds, async (index) => {
        const { id, writes } = cases[index]!;
        try {
          const lock = writes === undefined ? undefined : await tryLock(writes, `${stage} of ${id}`);
          if (lock && "problem" in lock) {
            if (!lock.canBeWaitedFor) throw new FileError(writes!, lock.problem);
            busy.push({ index, problem: `${writes} ${lock.problem}` });
            return;
          }
          try {
            await runOne(index);
          } finally {
            lock?.release();
          }
        } catch (error) {
          throw isNnunetError(error, "CANCELLED") ? error : new StageError(stage, id, error);
        }
      });
      if (busy.length === 0) return kept;
      if (!told) onEvent?.({ type: "message", stage, level: "info", text: `waiting: ${busy[0]!.problem}` });
      told = true;
      left = busy.map(({ index }) => index);
      await pause(signal, stage);
    }
  } finally {
    await pool?.destroy();
  }
}
