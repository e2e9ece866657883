import type { Plans } from "@nnunet/core";
import { preprocessedPaths } from "../folders.ts";
import { fingerprintDataset, type FingerprintResult, isMeasured } from "../steps/fingerprint-dataset.ts";
import { planDataset } from "../steps/plan-dataset.ts";
import { isVerified, verifyOnce } from "../steps/verify-once.ts";
import { type SplitResult, splitDataset } from "../training/splits.ts";
import { flagWords, planWords } from "./command-words.ts";
import type { JobWork } from "./job.ts";
import { rehearsePlan } from "./rehearse-plan.ts";
import { planningOf } from "../variants/run-of-variant.ts";
import { commandOf, placeIn, type Run } from "./run.ts";

/** The plan that everything after the survey follows. */
export interface Planned {
  readonly plans: Plans;
  readonly path: string;
  /** True if it was written just now. */
  readonly made?: boolean;
}

/** The jobs that every other one needs, and whose result says which others there are. */
export interface Survey {
  readonly verify: JobWork<void>;
  /** Absent where fold "all" alone is trained. */
  readonly split?: JobWork<SplitResult>;
  readonly fingerprint: JobWork<FingerprintResult>;
  /** Absent where the run follows a plan that is there. */
  readonly plan?: JobWork<Planned>;
}

/** @param plansPath - where it is known already; the plan's name is the planner's choice */
export function surveyJobs(run: Run, plansPath?: string): Survey {
  const { context, dataset, options, inputHashes } = run;
  const { plansName, signal, onEvent } = options;
  const paths = preprocessedPaths(context.folders, dataset.name);
  const pool = { ...options, inputHashes, verified: true };
  const verify: JobWork<void> = {
    id: "verify",
    command: commandOf(run, ["verify", dataset.name, "--record"]),
    needs: [],
    makes: [],
    writes: [],
    isDone: () => isVerified(context, dataset, inputHashes),
    perform: () => verifyOnce(context, dataset, inputHashes, options),
  };
  const { groups, seeds, groupedBy } = options;
  const division = { groups, seeds };
  const isGroupedBeyondWords = groups !== undefined && groupedBy === undefined;
  const split: JobWork<SplitResult> = {
    id: "split",
    command: isGroupedBeyondWords
      ? []
      : commandOf(run, ["split", dataset.name, ...flagWords({ groupBy: groupedBy, seeds })!]),
    needs: [verify.id],
    makes: [placeIn(context.folders, paths.splits)],
    writes: [paths.splits],
    isDone: async () => !(await splitDataset(context.folders, dataset, { ...division, write: false })).made,
    perform: () => splitDataset(context.folders, dataset, { ...division, groupedBy, onEvent }),
  };
  const isDivided = options.folds === undefined || options.folds.some((fold) => fold !== "all");
  const fingerprint: JobWork<FingerprintResult> = {
    id: "fingerprint",
    command: commandOf(run, ["fingerprint", dataset.name]),
    needs: [verify.id],
    makes: [placeIn(context.folders, paths.fingerprint)],
    writes: [paths.fingerprint],
    isDone: () => isMeasured(context, dataset, inputHashes),
    perform: () => fingerprintDataset(context, dataset, pool),
  };
  const checked = { verify, ...(isDivided && { split }) };
  if (plansName !== undefined) return { ...checked, fingerprint };
  return {
    ...checked,
    fingerprint,
    plan: {
      id: "plan",
      command: commandOf(run, planWords(dataset.name, options)),
      needs: [fingerprint.id],
      makes: [placeIn(context.folders, plansPath ?? paths.folder)],
      writes: plansPath === undefined ? [] : [plansPath],
      isDone: async () => !(await rehearsePlan(run)).made,
      perform: () => planDataset(context, dataset, { ...planningOf(options), keep: true, signal, onEvent }),
    },
  };
}
