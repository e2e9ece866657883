import type { Command } from "commander";

/**
 * Refuses an empty text as the value of any option or argument of any command: it is a variable of a script that was
 * not set, and would mean the current folder.
 */
export function refuseEmptyArguments(program: Command): void {
  program.hook("preAction", (_, command) => {
    for (const [i, argument] of command.registeredArguments.entries()) {
      if (isEmpty(command.processedArgs[i])) command.error(`error: the argument '${argument.name()}' is empty`);
    }
    for (const option of command.options) {
      const value: unknown = command.getOptionValue(option.attributeName());
      if (isEmpty(value)) command.error(`error: the value of option '${option.flags}' is empty`);
    }
  });
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.some(isEmpty) : typeof value === "string" && value.trim() === "";
}
