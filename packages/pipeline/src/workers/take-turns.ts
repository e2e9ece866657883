import { FileError, type StageOptions, throwIfCancelled } from "@nnunet/core";
import { pause, tryLock } from "@nnunet/core/node";

/** How several processes share a list of work. */
export interface TurnOptions<T> extends StageOptions {
  readonly stage: string;
  /** What it is called where it is cancelled or in the way. */
  readonly work: string;
  /** The file or folder that a piece of work writes. */
  readonly writes: (item: T) => string;
  /** Leave what another process is at to it, and look at it afterwards; refused otherwise. */
  readonly wait: boolean;
  /** Pieces of work at a time; 1 by default. */
  readonly atOnce?: number;
}

/**
 * Does pieces of work in their order, one or some at a time, each while nobody else writes what it writes. What another
 * process is at comes last, so that several processes share a list without ever doing one thing twice at a time.
 *
 * What fails lets the work before it come to its end, as it would have one after the other, stops what comes after it, and
 * is thrown.
 *
 * @param run - looks by itself whether there is anything left to do; heeds the signal that it is given
 * @throws {FileError} who is at it, if that may not or cannot be waited for
 */
export async function takeTurns<T>(
  items: readonly T[],
  { stage, work, writes, wait, atOnce = 1, signal, onEvent }: TurnOptions<T>,
  run: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  let left = items;
  let told = false;
  while (left.length > 0) {
    const busy: T[] = [];
    const running = new Turns(signal);
    for (const item of left) {
      await running.fewerThan(atOnce);
      if (running.failed) break;
      running.start(async (own) => {
        throwIfCancelled(signal, work);
        const target = writes(item);
        const lock = await tryLock(target, work);
        if ("problem" in lock) {
          if (!wait || !lock.canBeWaitedFor) throw new FileError(target, lock.problem);
          if (!told) onEvent?.({ type: "message", stage, level: "info", text: `waiting: ${target} ${lock.problem}` });
          told = true;
          busy.push(item);
          return;
        }
        try {
          await run(item, own);
        } finally {
          lock.release();
        }
      });
    }
    await running.end();
    left = busy;
    if (left.length > 0) await pause(signal, work);
  }
}

/** Pieces of work on their way, in the order in which they were begun. */
class Turns {
  readonly #running = new Map<AbortController, Promise<void>>();
  readonly #signal: AbortSignal | undefined;
  #failure: { readonly place: number; readonly error: unknown } | undefined;
  #begun = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  start(work: (signal: AbortSignal) => Promise<void>): void {
    const place = this.#begun++;
    const controller = new AbortController();
    const cancel = () => controller.abort();
    if (this.#signal?.aborted) cancel();
    this.#signal?.addEventListener("abort", cancel, { once: true });
    const done = work(controller.signal)
      .catch((error: unknown) => {
        // Of several the first of the list: the one that would have been met one after the other.
        if (this.#failure === undefined || place < this.#failure.place) this.#failure = { place, error };
        const later = [...this.#running.keys()];
        for (const other of later.slice(later.indexOf(controller) + 1)) other.abort();
      })
      .finally(() => {
        this.#signal?.removeEventListener("abort", cancel);
        this.#running.delete(controller);
      });
    this.#running.set(controller, done);
  }

  async fewerThan(most: number): Promise<void> {
    while (this.#running.size >= most) await Promise.race(this.#running.values());
  }

  /** @throws what failed */
  async end(): Promise<void> {
    await this.fewerThan(1);
    if (this.#failure) throw this.#failure.error;
  }
}
