import { isSegError } from "@nnunet/core";
import { CommanderError } from "commander";

/** What the process ends with; part of the command's contract, repeated in `nnunet --help` and in the README. */
export const exitCodes = {
  ok: 0,
  /** `verify` found something wrong in the data. */
  problemFound: 1,
  /** An unknown command, a missing or impossible option. */
  usage: 2,
  /** A file, folder, dataset or model cannot be used as it is; the sentence on stderr says which and what to do. */
  input: 3,
  /** A defect of nnunet itself; `--debug` shows where. */
  internal: 4,
  /** Ctrl-C. */
  cancelled: 130,
} as const;

export const exitCodeHelp = `Exit codes:
  0    done
  1    verify found a problem in the dataset
  2    the command line is wrong: unknown command, missing or impossible option
  3    a file, folder, dataset, plan or model cannot be used; the message names it and what to do
  4    a defect of nnunet itself (--debug prints the stack)
  130  stopped by Ctrl-C; nothing half-written is left, the same command (train with --continue) goes on`;

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (isSegError(error, "CANCELLED")) return exitCodes.cancelled;
  if (isSegError(error, "INVALID_ARGUMENT", "UNKNOWN_STAGE")) return exitCodes.usage;
  if (isSegError(error, "STAGE") && error.cause !== undefined) {
    // What a stage finds wrong with an argument comes from the data, not from the command line.
    const code = exitCodeOf(error.cause);
    return code === exitCodes.usage ? exitCodes.input : code;
  }
  if (isSegError(error)) return exitCodes.input;
  return exitCodes.internal;
}
