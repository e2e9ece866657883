import { type NnunetEvent, printable, printableJson } from "@nnunet/core";
import { exitCodes } from "../exit-codes.ts";

/** What went wrong, as `--json` tells it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
}

export const stoppedSentence = {
  code: "CANCELLED",
  message: "stopped; what is finished is kept: run the same command again (train and predict with --continue)",
  exitCode: exitCodes.cancelled,
} as const;

/** One sentence on stderr, or under `--json` one document on stdout. */
export function sayFailure(
  { code, message, exitCode }: Failure,
  { json, result, progress }: { readonly json: boolean; result(text: string): void; progress(text: string): void },
): void {
  // One line, also where a library's own words have several.
  const sentence = message
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ");
  if (json) result(`${printableJson({ error: { code, message: sentence, exitCode } }, 2)}\n`);
  else sayLines(progress, [`nnunet: ${sentence}`]);
}

/** One event as one line. */
export function sayEvent(write: (text: string) => void, event: NnunetEvent): void {
  write(`${printableJson(event)}\n`);
}

/**
 * Lines for people. Each is neutralised as a whole, so that a name with a line break or an escape sequence in it stays
 * inside its line.
 */
export function sayLines(write: (text: string) => void, lines: readonly string[]): void {
  write(lines.map((line) => `${shortened(printable(line))}\n`).join(""));
}

const longestLine = 20_000;

function shortened(line: string): string {
  return line.length <= longestLine
    ? line
    : `${line.slice(0, longestLine)}… (${line.length - longestLine} more characters)`;
}
