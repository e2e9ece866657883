import { trainingSeconds } from "../budget/costs.ts";
import { type Budget, type DecidedEffort, reconsider } from "./effort-of-run.ts";
import type { JobWork } from "./job.ts";

import { trainId } from "./training.ts";
import type { RunWork } from "./run-work.ts";

/** How wrong a probe is believed to be at most: a training that was kept took no time, and says nothing of the load. */
const LOAD_BOUNDS = [0.5, 3] as const;

/**
 * The jobs of a run one by one, the lengths of its trainings decided anew before each configuration by the time that is
 * left.
 *
 * @param list - the jobs of such work
 * @param keep - notes a decision that has changed, and its jobs
 */
export async function* jobsWithinBudget(
  decided: DecidedEffort,
  budget: Budget,
  list: (work: RunWork) => readonly JobWork[],
  keep: (effort: DecidedEffort["effort"]) => Promise<void>,
): AsyncGenerator<JobWork> {
  let { effort } = decided;
  const given = new Set<string>();
  const begun = new Set<string>();
  let load = 1;
  for (const configuration of Object.keys(effort.lengths)) {
    const trainings = effort.trainings.filter((training) => training.configuration === configuration);
    const ids = new Set(trainings.map(trainId));
    // What stands before its trainings: preprocessing, and of a cascade the first network.
    const jobs = list(effort);
    const first = jobs.findIndex(({ id }) => ids.has(id));
    for (const job of jobs.slice(0, first)) {
      if (given.has(job.id)) continue;
      given.add(job.id);
      yield job;
    }
    const changed = reconsider({ ...decided, effort }, begun, load, budget);
    if (changed !== effort) await keep(changed);
    effort = changed;
    begun.add(configuration);
    const before = budget.left();
    for (const job of list(effort).filter(({ id }) => ids.has(id))) {
      given.add(job.id);
      yield job;
    }
    const length = { trainings, ...effort.lengths[configuration]! };
    const expected = trainings.reduce(
      (total, { fold }) =>
        total + trainingSeconds(decided.costs[configuration]!, decided.workload.validationCases.get(fold) ?? 0, length),
      0,
    );
    load = Math.min(LOAD_BOUNDS[1], Math.max(LOAD_BOUNDS[0], (before - budget.left()) / expected));
  }
  for (const job of list(effort)) if (!given.has(job.id)) yield job;
}
