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
}

/**
 * Does pieces of work one after the other, each while nobody else writes what it writes. What another process is at
 * comes last, so that several processes share a list without ever doing one thing twice at a time.
 *
 * @param run - looks by itself whether there is anything left to do
 * @throws {FileError} who is at it, if that may not or cannot be waited for
 */
export async function takeTurns<T>(
  items: readonly T[],
  { stage, work, writes, wait, signal, onEvent }: TurnOptions<T>,
  run: (item: T) => Promise<void>,
): Promise<void> {
  let left = items;
  let told = false;
  while (left.length > 0) {
    const busy: T[] = [];
    for (const item of left) {
      throwIfCancelled(signal, work);
      const target = writes(item);
      const lock = await tryLock(target, work);
      if ("problem" in lock) {
        if (!wait || !lock.canBeWaitedFor) throw new FileError(target, lock.problem);
        if (!told) onEvent?.({ type: "message", stage, level: "info", text: `waiting: ${target} ${lock.problem}` });
        told = true;
        busy.push(item);
        continue;
      }
      try {
        await run(item);
      } finally {
        lock.release();
      }
    }
    left = busy;
    if (left.length > 0) await pause(signal, work);
  }
}
