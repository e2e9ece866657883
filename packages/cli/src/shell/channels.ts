/*
 * How the process that works is connected with the one that watches over it. Whatever else is written to its stdout and
 * stderr comes from a library's native code or from Node itself.
 */

/** File descriptors of the working process; 0 is the terminal's, 1 and 2 are the foreign ones, 3 is Node's own channel. */
export const channels = { results: 4, progress: 5, temporaries: 6 } as const;

/** Set for the working process: the width of the terminal that progress is shown on, 0 where it is none. */
export const terminalVariable = "NNUNET_TERMINAL";

/** Messages to the working process. */
export interface ToWorker {
  /** Stop soon. */
  readonly stop?: true;
  /** The terminal has another width now. */
  readonly columns?: number;
}
