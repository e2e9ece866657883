import { FileError, isNnunetError } from "@nnunet/core";
import { asError, firstSentence, lineOf } from "./module-loader.ts";

/**
 * An object of the user's whose functions say whose they are when they throw: the file, the line where it is known, and
 * what it is. Errors of ours pass, because they name what is wrong already.
 *
 * @param what - 'augmentation "ring"'
 * @param files - those that the code is written in, the config first
 */
export function guarded<T extends object>(own: T, what: string, files: readonly string[]): T {
  const names = new Set<string>();
  for (let level: object = own; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) if (name !== "constructor") names.add(name);
  }
  const value = (name: string): unknown => (own as Readonly<Record<string, unknown>>)[name];
  const entries = [...names].map((name) => {
    const member = value(name);
    return [name, typeof member === "function" ? guardedFunction(member.bind(own), what, files) : member];
  });
  return Object.fromEntries(entries) as T;
}

function guardedFunction(run: (...given: unknown[]) => unknown, what: string, files: readonly string[]) {
  return (...given: unknown[]): unknown => {
    try {
      const result = run(...given);
      if (isPromise(result)) return result.then(undefined, (error: unknown) => refuse(error, what, files));
      if (typeof result === "function") return guardedFunction(result as typeof run, what, files);
      return isBatchSource(result) ? guarded(result, what, files) : result;
    } catch (error) {
      return refuse(error, what, files);
    }
  };
}

/** Of whatever loader's `Promise`. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** A source of batches works on when the function that made it has ended. */
function isBatchSource(value: unknown): value is object {
  return typeof value === "object" && value !== null && "batch" in value;
}

function refuse(error: unknown, what: string, files: readonly string[]): never {
  if (isNnunetError(error)) throw error;
  const file = files.find((each) => lineOf(error, each) !== "") ?? files[0]!;
  const { name = "Error" } = asError(error);
  const kind = name === "Error" ? "" : `${name}: `;
  throw new FileError(`${file}${lineOf(error, file)}`, `the ${what} threw "${kind}${firstSentence(error)}"`, {
    cause: error,
  });
}
