import { CancelledError, type EventListener, isNnunetError, printableJson } from "@nnunet/core";
import { exitCodes } from "./exit-codes.ts";
import { exitCodeOf, messageOf } from "./failures.ts";
import { ndjsonReporter, type Reporter, textReporter } from "./reporter.ts";
import { sayFailure, sayLines, stoppedSentence } from "./shell/say.ts";
import { shell } from "./shell/shell.ts";
import { inWordsOfTheShell } from "./shell-words.ts";

/** What every command is given: where to report, how it is stopped, and where the three folders are. */
export interface Session {
  readonly signal: AbortSignal;
  readonly onEvent: EventListener;
  readonly json: boolean;
  /**
   * Lines for people, on stdout; left out under `--json`. One text is one line: a line break inside it is a name's, and
   * is written out.
   */
  print(...lines: readonly string[]): void;
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
  const { result, progress, columns, onStop } = shell();
  const reporter: Reporter = json ? ndjsonReporter(progress) : textReporter(progress, columns);
  const abort = new AbortController();
  const forget = onStop(() => {
    if (abort.signal.aborted) process.exit(exitCodes.cancelled);
    reporter.finish();
    if (!json) sayLines(progress, ["stopping; press Ctrl-C again to stop at once"]);
    abort.abort();
  });
  try {
    const outcome = await work({
      signal: abort.signal,
      onEvent: (event) =>
        reporter.onEvent(event.type === "message" ? { ...event, text: inWordsOfTheShell(event.text) } : event),
      json,
      print: (...lines) => {
        reporter.finish();
        if (!json) sayLines(result, lines.map(inWordsOfTheShell));
      },
    });
    reporter.finish();
    if (json) result(`${printableJson(outcome.value ?? null, 2)}\n`);
    return outcome.exitCode ?? exitCodes.ok;
  } catch (error) {
    reporter.finish();
    return reportFailure(abort.signal.aborted ? new CancelledError("nnunet") : error, options);
  } finally {
    forget();
  }
}

/** Prints one sentence for an error and returns the exit code that goes with it. */
export function reportFailure(error: unknown, { json = false, debug = false }: CommonOptions): number {
  const { result, progress, isWatched } = shell();
  const exitCode = exitCodeOf(error);
  const code = isNnunetError(error) ? error.code : exitCode === exitCodes.usage ? "USAGE" : "INTERNAL";
  const hint =
    exitCode === exitCodes.internal && !debug && !json
      ? " (this is a defect of nnunet; --debug prints where it happened)"
      : "";
  const failure =
    exitCode === exitCodes.cancelled ? stoppedSentence : { code, message: `${messageOf(error)}${hint}`, exitCode };
  if (exitCode !== exitCodes.cancelled || !isWatched) sayFailure(failure, { json, result, progress });
  if (debug && error instanceof Error) {
    const causes: string[] = [];
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
      causes.push(`caused by: ${cause.stack ?? cause.message}`);
    }
    sayLines(
      progress,
      [error.stack ?? "", ...causes].flatMap((stack) => stack.split("\n")),
    );
  }
  return exitCode;
}
