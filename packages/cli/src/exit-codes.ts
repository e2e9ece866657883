/** What the process ends with; part of the command's contract, repeated in `nnunet --help` and in the README. */
export const exitCodes = {
  ok: 0,
  /** `verify` found something wrong in the data. */
  problemFound: 1,
  /** An unknown command, a missing or impossible option; nothing that was found in the data. */
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
  3    a file, folder, dataset, plan or model cannot be used, training fails on it, or there is too little memory or room;
       the message names it and what to do
  4    a defect of nnunet itself (--debug prints the stack)
  130  stopped by Ctrl-C, SIGTERM or a closed terminal; nothing half-written is left; run the same command again (train
       and predict with --continue)`;
