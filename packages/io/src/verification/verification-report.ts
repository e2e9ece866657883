import { isNnunetError } from "@nnunet/core";

/** What can be wrong with a dataset; stable, for programs. */
export type ProblemKind =
  | "dataset-json"
  | "folder-name"
  | "case-count"
  | "label-ids"
  | "missing-file"
  | "extra-file"
  | "unreadable"
  | "odd-header"
  | "compression"
  | "channels"
  | "shape"
  | "spacing"
  | "origin"
  | "direction"
  | "not-finite"
  | "undeclared-label"
  | "empty-foreground"
  | "duplicate"
  | "two-placements";

/** One row of the integrity table. */
export interface DatasetProblem {
  readonly kind: ProblemKind;
  /** Errors make training fail or learn something wrong; warnings deserve a look. */
  readonly severity: "error" | "warning";
  /** Case id; "" where the whole dataset is meant. */
  readonly case: string;
  /** Relative to the dataset folder where it lies inside. */
  readonly file: string;
  readonly problem: string;
  /** What to do, one sentence. */
  readonly fix: string;
  /** Whether `fixDataset` can do it without losing anything. */
  readonly fixable: boolean;
}

/** Everything that `verifyDataset` found. */
export interface VerificationReport {
  /** Absolute. */
  readonly folder: string;
  readonly trainingCases: number;
  readonly testCases: number;
  /** Image and label files that were read in full. */
  readonly filesRead: number;
  /** In the order: dataset, then case by case. */
  readonly problems: readonly DatasetProblem[];
  /** No errors; warnings are allowed. */
  readonly ok: boolean;
}

/** A row as a check finds it: the whole dataset, an error, and nothing that `fixDataset` mends, unless it says so. */
export type FoundProblem = Omit<DatasetProblem, "case" | "severity" | "fixable"> &
  Partial<Pick<DatasetProblem, "case" | "severity" | "fixable">>;

/** How the checks put a row into the table. */
export type AddProblem = (found: FoundProblem) => void;

/** What an error of ours says, without the path, which has its own column. */
export function messageWithoutPath(error: unknown, path: string): string {
  if (!isNnunetError(error)) throw error;
  return error.message.startsWith(path) ? error.message.slice(path.length).replace(/^( → |: )/, "") : error.message;
}
