import { CancelledError, type EventListener, isSegError } from "@nnunet/core";
import { exitCodeOf, exitCodes, messageOf } from "./exit-codes.ts";
import { ndjsonReporter, type Reporter, textReporter } from "./reporter.ts";

/** What every command is given: where to report, how it is stopped, and where the three folders are. */
export interface Session {
  readonly signal: AbortSignal;
  readonly onEvent: EventListener;
  readonly json: boolean;
  /** For people, on stdout; left out under `--json`. */
  print(text: string): void;
}

export interface CommonOptions {
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** What a command hands back: the value for `--json`, and an exit code if it is not 0. */
export interface Outcome {
  readonly value: unknown;
  readonly exitCode?: number;
}

/**
 * Runs one command: stops it on the first Ctrl-C, reports, prints its result or one sentence of what went wrong.
 *
 * Under `--json`, stdout carries exactly one JSON document (the result, or `{ "error": … }`) and stderr one event per
 * line; otherwise results go to stdout and progress and errors to stderr.
 *
 * @returns the exit code
 */
export async function runCommand(
  options: CommonOptions,
  work: (session: Session) => Promise<Outcome>,
): Promise<number> {
  const json = options.json === true;
  const reporter: Reporter = json ? ndjsonReporter(process.stderr) : textReporter(process.stderr);
  const abort = new AbortController();
  let interrupts = 0;
  const interrupt = () => {
    interrupts++;
    if (interrupts > 1) process.exit(exitCodes.cancelled);
    reporter.finish();
    if (!json) process.stderr.write("stopping after the current step; press Ctrl-C again to stop at once\n");
    abort.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    const outcome = await work({
      signal: abort.signal,
      onEvent: reporter.onEvent,
      json,
      print: (text) => {
        reporter.finish();
        if (!json) process.stdout.write(`${text}\n`);
      },
    });
    reporter.finish();
    if (json) process.stdout.write(`${JSON.stringify(outcome.value ?? null, null, 2)}\n`);
    return outcome.exitCode ?? exitCodes.ok;
  } catch (error) {
    reporter.finish();
    return reportFailure(abort.signal.aborted ? new CancelledError("nnunet") : error, options);
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

/** Prints one sentence for an error and returns the exit code that goes with it. */
export function reportFailure(error: unknown, options: CommonOptions): number {
  const exitCode = exitCodeOf(error);
  // One line, also where a library's own words have several.
  const message = messageOf(error)
    .trim()
    .replace(/\s*\n\s*/g, " ");
  if (options.json) {
    const code = isSegError(error) ? error.code : exitCode === exitCodes.usage ? "USAGE" : "INTERNAL";
    process.stdout.write(`${JSON.stringify({ error: { code, message, exitCode } }, null, 2)}\n`);
  } else if (exitCode === exitCodes.cancelled) {
    process.stderr.write(
      `nnunet: stopped; what is finished is kept: run the same command again (train and predict with --continue)\n`,
    );
  } else if (exitCode === exitCodes.internal) {
    const hint = options.debug ? "" : " (this is a defect of nnunet; --debug prints where it happened)";
    process.stderr.write(`nnunet: ${message}${hint}\n`);
  } else {
    process.stderr.write(`nnunet: ${message}\n`);
  }
  if (options.debug && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ""}\n`);
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
      process.stderr.write(`caused by: ${cause.stack ?? cause.message}\n`);
    }
  }
  return exitCode;
}
