import type { PlannerOptions } from "@nnunet/core";
import type { Fold } from "../folders.ts";
import type { DivisionOptions } from "../training/splits.ts";
import type { TrainOptions } from "../training/train-fold.ts";

export interface RunOptions extends Omit<TrainOptions, "existing" | "together">, DivisionOptions {
  /** How the groups were told on the command line: a pattern, or the file and column of a table. */
  readonly groupedBy?: string | undefined;
  /** All of the plan by default. */
  readonly configurations?: readonly string[] | undefined;
  /** False leaves out both networks of the cascade, where none are named. */
  readonly cascade?: boolean | undefined;
  /** Seconds that all of it may take: configurations, folds and lengths of the trainings are chosen so that it fits. */
  readonly budgetSeconds?: number | undefined;
  /** Those of splits_final.json by default: 0 to 4. */
  readonly folds?: readonly Fold[] | undefined;
  readonly planner?: PlannerOptions | undefined;
  /**
   * A name for what is asked for here, by which plan and results are called: `nnUNetPaperPlans_<variant>`. What it was planned
   * and trained with is kept in its plan, so that the name alone brings it back, and anything else under that name is refused.
   */
  readonly variant?: string | undefined;
  /** What the plan of the variant says of its trainings; all that is given here, where it is new. */
  readonly recipe?: Readonly<Record<string, unknown>> | undefined;
  /** Name of a plan that is there, of whatever tool, instead of planning. */
  readonly plansName?: string | undefined;
}

/** What of the options decides which jobs there are and what comes out of them: plain JSON, kept with the list. */
export type RunRequest = Omit<
  RunOptions,
  "signal" | "onEvent" | "workers" | "maxMemoryGb" | "device" | "inputHashes" | "verified"
>;

export function requestOf(options: RunOptions): RunRequest {
  const {
    signal: _,
    onEvent: _on,
    workers: _w,
    maxMemoryGb: _m,
    device: _d,
    inputHashes: _i,
    verified: _v,
    ...request
  } = options;
  return request;
}
