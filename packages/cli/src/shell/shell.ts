/** Where a command's words go and where it hears that it is to stop. */
export interface Shell {
  /** To stdout, as it stands: see `sayLines`. */
  result(text: string): void;
  /** To stderr, as it stands. */
  progress(text: string): void;
  /** Columns of the terminal that progress is shown on; undefined where it is none. */
  columns(): number | undefined;
  /** Somebody else says the last words of a command that was stopped. */
  readonly isWatched: boolean;
  /** Calls the listener at every request to stop; returns what ends that. */
  onStop(listener: () => void): () => void;
}

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** This process alone: its own streams and signals. A second Ctrl-C ends it. */
export const ownShell: Shell = {
  result: (text) => void process.stdout.write(text),
  progress: (text) => void process.stderr.write(text),
  isWatched: false,
  columns: () => (process.stderr.isTTY ? (process.stderr.columns ?? 80) : undefined),
  onStop(listener) {
    for (const signal of stopSignals) process.on(signal, listener);
    return () => {
      for (const signal of stopSignals) process.off(signal, listener);
    };
  },
};

let current = ownShell;

export function shell(): Shell {
  return current;
}

/** The process that works under another one's eyes says so once, before anything is printed. */
export function useShell(other: Shell): void {
  current = other;
}
