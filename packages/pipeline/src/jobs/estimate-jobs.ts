import { cpus } from "node:os";
import { configurationsIn, type Costs, selectionSeconds, testSeconds, trainingSeconds } from "../budget/costs.ts";
import { contentHash } from "../records/made-from.ts";
import { workloadOf } from "./effort-of-run.ts";
import { keptCosts, measureCosts } from "./measured-costs.ts";
import type { Job, JobEstimate, JobWork } from "./job.ts";
import { keptMeasures, type Measure } from "./job-file.ts";
import type { RunWork } from "./run-work.ts";
import type { Run } from "./run.ts";
import type { Planned } from "./survey-jobs.ts";
import { trainId } from "./training.ts";

/**
 * What jobs have in common that take the same time: the command but for the fold, and the machine.
 *
 * @returns a hash
 */
export function kindOf({ command }: Pick<Job, "command">): string {
  const [name, dataset, configuration, fold, ...others] = command;
  const words =
    name === "train" ? [name, dataset, configuration, ...others] : [name, dataset, configuration, fold, ...others];
  return contentHash([words, cpus()[0]?.model, cpus().length]);
}

/** The mean of what such jobs took here; undefined if none has been done. */
export function estimateFrom(measures: readonly Measure[], job: Pick<Job, "command">): JobEstimate | undefined {
  const kind = kindOf(job);
  const same = measures.filter(({ of }) => of === kind);
  if (same.length === 0) return undefined;
  const seconds = same.reduce((total, measure) => total + measure.seconds, 0) / same.length;
  return { seconds, memoryGb: Math.max(...same.map(({ memoryGb }) => memoryGb)) };
}

/**
 * What each job took here when it was done last, or is expected to take: what such a job took before, or where none was
 * done, by a probe of the configurations.
 *
 * @param probe - measure what is not known; takes seconds to minutes
 */
export async function estimateJobs(
  run: Run,
  planned: Planned | undefined,
  work: RunWork | undefined,
  jobs: readonly JobWork[],
  { probe }: { readonly probe: boolean },
): Promise<ReadonlyMap<string, JobEstimate>> {
  const took = await keptMeasures(run);
  const measures = Object.values(took);
  const estimates = new Map<string, JobEstimate>();
  for (const job of jobs) {
    const own = took[job.id];
    const isSame = own?.of === kindOf(job);
    const known = isSame ? { seconds: own.seconds, memoryGb: own.memoryGb } : estimateFrom(measures, job);
    if (known) estimates.set(job.id, known);
  }
  const unknown = (id: string) => !estimates.has(id);
  if (!planned || !work?.trainings.some((training) => unknown(trainId(training)))) return estimates;
  const names = configurationsIn(work.trainings);
  const costs = probe
    ? (await measureCosts(run, planned, names, { keep: false })).costs
    : await keptCosts(run, planned, names);
  if (!costs) return estimates;
  for (const [id, estimate] of await jobsByCosts(run, planned, work, costs))
    if (unknown(id)) estimates.set(id, estimate);
  return estimates;
}

async function jobsByCosts(run: Run, planned: Planned, work: RunWork, costs: Costs): Promise<Map<string, JobEstimate>> {
  const names = configurationsIn(work.trainings);
  const workload = await workloadOf(run, planned, work, names);
  const memoryGb = Math.max(...names.map((name) => costs[name]!.memoryGb));
  const asked = run.context.stages.trainer.completeSettings(run.options.settings ?? {});
  const lengthOf = (name: string) => ({ ...asked, ...work.lengths?.[name], trainings: work.trainings });
  const estimates = new Map<string, JobEstimate>();
  for (const name of names) {
    const cost = costs[name]!;
    const preprocessing = { seconds: cost.preprocessCase * workload.cases, memoryGb: cost.memoryGb };
    estimates.set(`preprocess ${name}`, preprocessing);
    for (const training of work.trainings.filter(({ configuration }) => configuration === name)) {
      const seconds = trainingSeconds(costs, workload, training, lengthOf(name));
      estimates.set(trainId(training), { seconds, memoryGb: cost.memoryGb });
    }
    // Where nothing can be compared each segments the test images by itself.
    const own = { ...lengthOf(name), trainings: work.trainings.filter(({ configuration }) => configuration === name) };
    estimates.set(`test ${name}`, { seconds: testSeconds(costs, workload, own), memoryGb: cost.memoryGb });
  }
  estimates.set("find-best", { seconds: selectionSeconds(costs, workload, names), memoryGb });
  estimates.set("test", { seconds: testSeconds(costs, workload, lengthOf(names[0]!)), memoryGb });
  return estimates;
}
