import { show } from "./text/show.ts";
import { shownShape } from "./text/shown-shape.ts";

// A brand instead of `instanceof`, which fails when two copies of this package are installed.
const brand: unique symbol = Symbol.for("nnunet.error") as never;

/** The base of every error that a user of nnunet-ts can cause. `code` is stable; the message is built from the data fields. */
export abstract class NnunetError extends Error {
  abstract readonly code: string;
  readonly [brand] = true as const;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A function was called with a value outside its domain. */
export class InvalidArgumentError extends NnunetError {
  readonly code = "INVALID_ARGUMENT";
  constructor(
    readonly argument: string,
    readonly expected: string,
    readonly received: unknown,
  ) {
    super(`${argument}: expected ${expected}, got ${show(received)}`);
  }
}

/**
 * Two arrays that belong together differ in shape. Shapes are slowest axis first; the message of two images, which a
 * user opens in a viewer, says x × y × z.
 */
export class ShapeMismatchError extends NnunetError {
  readonly code = "SHAPE_MISMATCH";
  constructor(
    readonly subject: string,
    readonly expected: readonly number[],
    readonly received: readonly number[],
    readonly hint = "",
    as: "array" | "image" = "array",
  ) {
    const difference =
      as === "array"
        ? `expected shape [${expected}], got [${received}]`
        : `expected ${shownShape(expected)} voxels (x × y × z), got ${shownShape(received)}`;
    super(`${subject}: ${difference}${hint && `; ${hint}`}`);
  }
}

/** A file made by a user or by another stage does not say what it must. `field` is a path inside it. */
export class InvalidArtifactError extends NnunetError {
  readonly code = "INVALID_ARTIFACT";
  constructor(
    readonly path: string,
    readonly field: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${path}${field && ` → ${field}`}: ${problem}`, options);
  }
}

/** An image file that cannot be read as what it claims to be. */
export class ImageFileError extends NnunetError {
  readonly code = "IMAGE_FILE";
  constructor(
    readonly path: string,
    readonly field: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${path}${field && ` → ${field}`}: ${problem}`, options);
  }
}

/** A file or folder is missing, is in the way, or could not be written (disk full, no permission). */
export class FileError extends NnunetError {
  readonly code = "FILE";
  constructor(
    readonly path: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${path}: ${problem}`, options);
  }
}

/** A stage was asked for by a name that nobody registered. */
export class UnknownStageError extends NnunetError {
  readonly code = "UNKNOWN_STAGE";
  constructor(
    readonly kind: string,
    readonly stageName: string,
    readonly known: readonly string[],
  ) {
    super(`unknown ${kind} ${show(stageName)}; registered: ${known.join(", ")}`);
  }
}

/** Something real that this version does not do. */
export class UnsupportedError extends NnunetError {
  readonly code = "UNSUPPORTED";
  constructor(
    readonly feature: string,
    readonly hint = "",
  ) {
    super(`${feature} is not supported${hint && `; ${hint}`}`);
  }
}

/** The work would need more memory, or more steps, than it is allowed; found out before it begins. */
export class LimitError extends NnunetError {
  readonly code = "LIMIT";
  /**
   * @param subject - what would be done
   * @param needed - "about 240 GB of memory"
   * @param allowed - "24.2 GB are free"
   */
  constructor(
    readonly subject: string,
    readonly needed: string,
    readonly allowed: string,
    readonly hint: string,
  ) {
    super(`${subject} needs ${needed}, but ${allowed}; ${hint}`);
  }
}

/** The user stopped the work (Ctrl-C, or an aborted signal). */
export class CancelledError extends NnunetError {
  readonly code = "CANCELLED";
  constructor(readonly work: string) {
    super(`${work}: cancelled`);
  }
}

/** Thrown by the pipeline alone: says which stage and which case failed; `cause` says why. */
export class StageError extends NnunetError {
  readonly code = "STAGE";
  constructor(
    readonly stage: string,
    readonly caseId: string | undefined,
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${stage}${caseId === undefined ? "" : `, case ${caseId}`}: ${reason}`, { cause });
  }
}

/** Several jobs of a run failed; what did not need them is done. */
export class JobsError extends NnunetError {
  readonly code = "JOBS";
  constructor(readonly failed: readonly { readonly id: string; readonly cause: unknown }[]) {
    const reasons = failed.map(({ id, cause }) => `${id} (${cause instanceof Error ? cause.message : String(cause)})`);
    super(`${failed.length} jobs failed: ${reasons.join("; ")}`, { cause: failed[0]?.cause });
  }
}

export type AnyNnunetError =
  | InvalidArgumentError
  | ShapeMismatchError
  | InvalidArtifactError
  | ImageFileError
  | FileError
  | UnknownStageError
  | UnsupportedError
  | LimitError
  | CancelledError
  | StageError
  | JobsError;

/**
 * Whether `error` is one of ours, with one of the given codes (any code if none is given).
 *
 * @example if (isNnunetError(error, "SHAPE_MISMATCH")) console.log(error.expected);
 */
export function isNnunetError<C extends AnyNnunetError["code"] = AnyNnunetError["code"]>(
  error: unknown,
  ...codes: C[]
): error is Extract<AnyNnunetError, { code: C }> {
  return (
    error instanceof Error &&
    brand in error &&
    (codes.length === 0 || codes.includes((error as AnyNnunetError).code as C))
  );
}

/** Throws {@link CancelledError} if the signal is aborted. Long stages call it between units of work. */
export function throwIfCancelled(signal: AbortSignal | undefined, work: string): void {
  if (signal?.aborted) throw new CancelledError(work);
}
