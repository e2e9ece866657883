import type { Budget } from "../budget/budget-clock.ts";
import { type DecidedEffort, reconsider, secondsOf } from "./effort-of-run.ts";
import type { JobWork } from "./job.ts";

import { trainId } from "./training.ts";
import type { RunEffort, RunWork } from "./run-work.ts";

/** How wrong a probe is believed to be at most. */
const LOAD_BOUNDS = [0.5, 3] as const;

/** What is known of a run while it is done. */
export interface Progress {
  /** The jobs of such work. */
  list(work: RunWork): readonly JobWork[];
  /** Notes a decision that has changed, and its jobs. */
  keep(effort: RunEffort): Promise<void>;
  /** Seconds that each job took that was done by this process. */
  readonly took: ReadonlyMap<string, number>;
  /** Whether somebody else has begun one of these jobs, so that nothing of it can be changed. */
  isBegun(jobs: readonly JobWork[]): Promise<boolean>;
}

/**
 * The jobs of a run one by one, the lengths of its trainings decided anew before each configuration by the time that is
 * left.
 */
export async function* jobsWithinBudget(
  decided: DecidedEffort,
  budget: Budget,
  { list, keep, took, isBegun }: Progress,
): AsyncGenerator<JobWork> {
  let { effort } = decided;
  const given = new Set<string>();
  const begun = new Set<string>();
  let load = 1;
  const trainingsOf = (name: string) => effort.trainings.filter(({ configuration }) => configuration === name);
  const jobsOf = (name: string) => {
    const ids = new Set(trainingsOf(name).map(trainId));
    return list(effort).filter(({ id }) => ids.has(id));
  };
  for (const configuration of Object.keys(effort.lengths)) {
    const ids = new Set(trainingsOf(configuration).map(trainId));
    // What stands before its trainings: preprocessing, and of a cascade the first network.
    const jobs = list(effort);
    const first = jobs.findIndex(({ id }) => ids.has(id));
    for (const job of jobs.slice(0, first)) {
      if (given.has(job.id)) continue;
      given.add(job.id);
      yield job;
    }
    for (const name of Object.keys(effort.lengths)) {
      if (!begun.has(name) && (await isBegun(jobsOf(name)))) begun.add(name);
    }
    const ahead = effort.trainings.filter((one) => begun.has(one.configuration) && !given.has(trainId(one)));
    const changed = reconsider({ ...decided, effort }, begun, ahead, load, budget);
    if (changed !== effort) await keep(changed);
    effort = changed;
    begun.add(configuration);
    for (const job of jobsOf(configuration)) {
      given.add(job.id);
      yield job;
    }
    // A training that was kept, or that somebody else did, says nothing of the load.
    const done = trainingsOf(configuration).filter((training) => took.has(trainId(training)));
    if (done.length === 0) continue;
    const seconds = done.reduce((total, training) => total + took.get(trainId(training))!, 0);
    const expected = secondsOf({ ...decided, effort }, done);
    load = Math.min(LOAD_BOUNDS[1], Math.max(LOAD_BOUNDS[0], seconds / expected));
  }
  for (const job of list(effort)) if (!given.has(job.id)) yield job;
}

/**
 * The jobs of a decision that is kept, each as it stands when its turn comes: the process that decided may change the
 * lengths of what nobody has begun.
 */
export async function* jobsAsDecided(
  effort: () => Promise<RunEffort>,
  list: Progress["list"],
): AsyncGenerator<JobWork> {
  const given = new Set<string>();
  for (;;) {
    const next = list(await effort()).find(({ id }) => !given.has(id));
    if (!next) return;
    given.add(next.id);
    yield next;
  }
}
