import { NnunetError } from "@nnunet/core";

/** An error of ours as plain data: structured cloning between threads keeps neither class nor brand nor fields. */
export interface CarriedError {
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a worker answers: its result, or the error to be thrown on the other side. */
export type Carried<T> = { readonly result: T } | { readonly error: CarriedError };

class RethrownError extends NnunetError {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

/** Runs the work in a worker and packs what comes out of it. */
export async function carry<T>(work: () => Promise<T>): Promise<Carried<T>> {
  try {
    return { result: await work() };
  } catch (error) {
    if (!(error instanceof Error)) return { error: { message: String(error), fields: {} } };
    const { code, ...rest } = error as Error & { code?: string };
    const fields = Object.fromEntries(
      Object.entries(rest).filter(([, value]) => ["string", "number"].includes(typeof value) || Array.isArray(value)),
    );
    const ours = error instanceof NnunetError;
    return { error: { message: error.message, stack: error.stack, ...(ours ? { code } : {}), fields } };
  }
}

/** The result, or the worker's error thrown again: one of ours keeps its code, fields and message. */
export function unpack<T>(carried: Carried<T>): T {
  if ("result" in carried) return carried.result;
  const { message, stack, code, fields } = carried.error;
  const error = code === undefined ? new Error(message) : Object.assign(new RethrownError(message, code), fields);
  if (stack !== undefined) error.stack = stack;
  throw error;
}
