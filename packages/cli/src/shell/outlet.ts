import type { Writable } from "node:stream";

/** One of our own streams, whose reader may go away and whose device may be full: neither ends any work. */
export interface Outlet {
  write(text: string): void;
  /** Why nothing is written any more: Node's code, such as EPIPE or ENOSPC. */
  readonly broken: string | undefined;
  /** Waits until the reader has taken everything. */
  drained(): Promise<void>;
}

export function outlet(stream: Writable): Outlet {
  let broken: string | undefined;
  let waiting = 0;
  let onDrained = () => {};
  const fail = (error: NodeJS.ErrnoException) => {
    broken ??= error.code ?? "EIO";
  };
  stream.on("error", fail);
  // A pipe that nobody reads must not block the loop that listens for Ctrl-C.
  (stream as { _handle?: { setBlocking?(blocking: boolean): void } })._handle?.setBlocking?.(false);
  return {
    write(text) {
      if (broken !== undefined || text === "") return;
      waiting++;
      try {
        stream.write(text, (error) => {
          if (error) fail(error);
          if (--waiting === 0) onDrained();
        });
      } catch (error) {
        waiting--;
        fail(error as NodeJS.ErrnoException);
      }
    },
    get broken() {
      return broken;
    },
    drained: () =>
      waiting === 0 || broken !== undefined
        ? Promise.resolve()
        : new Promise((resolve) => {
            onDrained = resolve;
          }),
  };
}
