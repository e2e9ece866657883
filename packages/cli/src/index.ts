import { CommanderError } from "commander";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { createProgram, type Ending } from "./program.ts";
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
  try {
    await createProgram(ending).parseAsync([...args], { from: "user" });
    return ending.code;
  } catch (error) {
    // Commander has printed its sentence already.
    if (error instanceof CommanderError) return exitCodeOf(error);
    return reportFailure(error, { debug: args.includes("--debug"), json: args.includes("--json") });
  }
}
