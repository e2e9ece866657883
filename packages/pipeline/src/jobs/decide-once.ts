import { counted, type StageOptions } from "@nnunet/core";
import { lockedBy } from "@nnunet/core/node";
import { type Budget, shownBudget } from "../budget/budget-clock.ts";
import { configurationsIn } from "../budget/costs.ts";
import { type DecidedEffort, decideEffort, effortHash } from "./effort-of-run.ts";
import type { JobWork } from "./job.ts";
import { keptEffort } from "./job-file.ts";
import { whileMeasuring } from "./measured-costs.ts";
import type { Run } from "./run.ts";
import type { RunEffort, RunWork } from "./run-work.ts";
import type { Planned } from "./survey-jobs.ts";

/** What a budget allows: as it was decided before, by this process or another, or else decided now. */
export interface Decision {
  /** Seconds. */
  readonly budget: number;
  readonly effort: RunEffort;
  /** Absent where it was decided before. */
  readonly made?: DecidedEffort;
}

/** One process decides; the others that do the same run wait for it, and go by that. */
export async function decideOnce(
  run: Run,
  planned: Planned,
  whole: RunWork,
  budget: Budget,
  keep: (work: RunWork, effort: RunEffort) => Promise<void>,
): Promise<Decision> {
  const { signal, onEvent } = run.options;
  const decide = async (): Promise<Decision> => {
    const before = await keptEffort(run, effortHash(run, planned));
    if (before) return { budget: budget.seconds, effort: before };
    const made = await decideEffort(run, planned, whole, budget);
    await keep(made.effort, made.effort);
    return { budget: budget.seconds, effort: made.effort, made };
  };
  return whileMeasuring(run, configurationsIn(whole.trainings), decide, { signal, onEvent });
}

/** What was decided, what is given up for it, and loudly if it is in vain. */
export function sayDecision(options: StageOptions, { budget, effort, made }: Decision): void {
  const how = made
    ? `within the budget of ${shownBudget(budget)}`
    : "going on within the budget as it was decided before";
  say(options, `${how}: ${describeEffort(effort)}`);
  for (const { sentence } of made ? effort.givenUp : []) say(options, `given up: ${sentence}`);
  sayLoudly(options, effort);
}

export function sayChange(options: StageOptions, changed: RunEffort): void {
  say(options, `by the time that is left: ${describeEffort(changed)}`);
  sayLoudly(options, changed);
}

function sayLoudly({ onEvent }: StageOptions, { warning }: RunEffort): void {
  if (warning !== undefined) onEvent?.({ type: "message", stage: "run", level: "warning", text: `only ${warning}` });
}

/** Whether another process is at one of these jobs, or one is done. */
export async function isAnyBegun(jobs: readonly JobWork[]): Promise<boolean> {
  for (const job of jobs) {
    for (const path of job.writes) if (await lockedBy(path)) return true;
    if (await job.isDone().catch(() => false)) return true;
  }
  return false;
}

function say({ onEvent }: StageOptions, text: string): void {
  onEvent?.({ type: "message", stage: "run", level: "info", text });
}

/** "2d 5 folds, 20 epochs of 37 steps; 3d_fullres …" */
function describeEffort({ trainings, lengths }: RunEffort): string {
  const parts = Object.entries(lengths).map(([name, { epochs, iterationsPerEpoch }]) => {
    const folds = trainings.filter(({ configuration }) => configuration === name).length;
    return `${name} ${counted(folds, "fold")}, ${counted(epochs, "epoch")} of ${counted(iterationsPerEpoch, "step")}`;
  });
  return parts.join("; ");
}
