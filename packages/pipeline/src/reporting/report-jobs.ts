import { counted, type RawDataset } from "@nnunet/core";
import type { JobSummary, TrainingCurves } from "@nnunet/report";
import type { Folders } from "../folders.ts";
import { keptJobs } from "../jobs/job-file.ts";
import { REPORT } from "../jobs/job.ts";
import { trainId } from "../jobs/training.ts";

/** Why a job failed may name cases and folders, as a report does only on request. */
const reasonElsewhere = "why is in the list of jobs";

/** The jobs of the latest run, and the trainings that were done without one; the report itself is left out. */
export async function jobsOf(
  folders: Folders,
  dataset: RawDataset,
  trainings: readonly TrainingCurves[],
  withReasons: boolean,
): Promise<JobSummary[]> {
  const kept = (await keptJobs(folders, dataset.name)).filter(({ id }) => id !== REPORT);
  const logged = new Map(trainings.map((training) => [trainId(training), training]));
  const known = kept.map(({ id, failed, took }): JobSummary => {
    if (failed !== undefined) {
      return { id, state: "failed", detail: withReasons ? failed : reasonElsewhere, seconds: null, memoryGb: null };
    }
    if (took) return { id, state: "done", ...took };
    const training = logged.get(id);
    return training ? trainingJob(id, training) : { id, state: "not measured", seconds: null, memoryGb: null };
  });
  const others = [...logged].filter(([id]) => !kept.some((job) => job.id === id));
  return [...known, ...others.map(([id, training]) => trainingJob(id, training))];
}

function trainingJob(id: string, { isFinished, epochs }: TrainingCurves): JobSummary {
  return {
    id,
    state: isFinished ? "done" : "to do",
    ...(isFinished ? {} : { detail: `${counted(epochs.length, "epoch")} done` }),
    seconds: epochs.reduce((sum, { seconds }) => sum + seconds, 0),
    memoryGb: null,
  };
}
