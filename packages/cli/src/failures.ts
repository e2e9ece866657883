import { type InvalidArgumentError, isNnunetError } from "@nnunet/core";
import { CommanderError } from "commander";
import { exitCodes } from "./exit-codes.ts";
import { flagOfArgument, inWordsOfTheShell } from "./shell-words.ts";

/** The flag or argument of the command line that an error is about, if it is about one. */
function flagOf({ argument }: InvalidArgumentError): string | undefined {
  if (argument.startsWith("-")) return argument;
  if (argument.startsWith("overrides.")) return `--set ${argument.slice("overrides.".length)}`;
  return flagOfArgument(argument);
}

/** The sentence of an error; one about a value of the command line names the flag as the user wrote it. */
export function messageOf(error: unknown): string {
  if (error instanceof CommanderError) {
    const noCommand = "no command is given; nnunet --help lists them";
    return error.code === "commander.help" ? noCommand : error.message.replace(/^error: /, "");
  }
  if (isNnunetError(error, "UNKNOWN_STAGE") && error.kind === "configuration") {
    return `unknown configuration "${error.stageName}"; this plan has: ${error.known.join(", ")}`;
  }
  if (!isNnunetError(error, "INVALID_ARGUMENT"))
    return inWordsOfTheShell(error instanceof Error ? error.message : String(error));
  return inWordsOfTheShell(`${flagOf(error) ?? error.argument}${error.message.slice(error.argument.length)}`);
}

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (isNnunetError(error, "CANCELLED")) return exitCodes.cancelled;
  if (isNnunetError(error, "UNKNOWN_STAGE")) return exitCodes.usage;
  if (isNnunetError(error, "INVALID_ARGUMENT")) return flagOf(error) === undefined ? exitCodes.input : exitCodes.usage;
  if (isNnunetError(error, "STAGE") && error.cause !== undefined) {
    // What a stage finds wrong with an argument comes from the data, not from the command line.
    const code = exitCodeOf(error.cause);
    return code === exitCodes.usage ? exitCodes.input : code;
  }
  if (isNnunetError(error, "JOBS")) {
    const isDefect = error.failed.some(({ cause }) => exitCodeOf(cause) === exitCodes.internal);
    return isDefect ? exitCodes.internal : exitCodes.input;
  }
  if (isNnunetError(error)) return exitCodes.input;
  return exitCodes.internal;
}
