import { CommanderError } from "commander";
import { exitCodes } from "./exit-codes.ts";
import { exitCodeOf } from "./failures.ts";
import type { Ending } from "./ending.ts";
import { createProgram } from "./program.ts";
import { reportFailure } from "./session.ts";

export { exitCodes } from "./exit-codes.ts";

/**
 * Runs the `nnunet` command.
 *
 * @param args - without node and script
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  const ending: Ending = { code: exitCodes.ok };
  const json = args.includes("--json");
  try {
    await createProgram(ending, json).parseAsync([...args], { from: "user" });
    return ending.code;
  } catch (error) {
    // Commander has printed its sentence already, or its help.
    if (error instanceof CommanderError && (!json || error.exitCode === 0)) return exitCodeOf(error);
    return reportFailure(error, { debug: args.includes("--debug"), json });
  }
}
