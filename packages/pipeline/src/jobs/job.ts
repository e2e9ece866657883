/** Id of the job that comes last. */
export const REPORT = "report";

/** What a job is expected to take on this machine, from what was measured on it. */
export interface JobEstimate {
  readonly seconds: number;
  /** At its peak. */
  readonly memoryGb: number;
}

/**
 * One piece of work of a run. It names no path, process or host of a machine: the same list can be handed to another
 * one, or to the scheduler of a cluster.
 */
export interface Job {
  /** "train 3d_fullres 0" */
  readonly id: string;
  /**
   * What does the same by itself: the words after `nnunet`. The three folders come from the environment, or from the
   * flags that the caller adds. Empty where no command line can say it: with stages or a sampling of one's own.
   */
  readonly command: readonly string[];
  /** Ids of the jobs that must be done before. */
  readonly needs: readonly string[];
  /** Done also where one of these has failed: it tells of it. Absent for most. */
  readonly afterFailures?: true;
  /** Files and folders, from one of the three folders on: "nnUNet_results/Dataset004_Hippocampus/…/fold_0". */
  readonly makes: readonly string[];
  /** Absent until something like it has been measured here. */
  readonly estimate?: JobEstimate;
}

export type JobState =
  /** Everything is there, made from the same content by the same stages. */
  | { readonly is: "done" }
  /** `by`: what the lock says, "training fold 0 of 3d_fullres on this machine since …". */
  | { readonly is: "running"; readonly by: string }
  | { readonly is: "failed"; readonly why: string }
  | { readonly is: "to do" };

/** A job and how far it is at this moment. */
export type JobStatus = Job & { readonly state: JobState };

/** A job as the pipeline does it. */
export interface JobWork<T = unknown> extends Job {
  /** Files and folders that are locked by whoever is at it. */
  readonly writes: readonly string[];
  /** Only one process can be at it; others do something else meanwhile. The others share their cases. */
  readonly alone?: true;
  /** Looks whether there is anything to do; changes nothing. Asked only where all that it needs is done. */
  isDone(): Promise<boolean>;
  /** Does what is to be done of it, and hands back what came out. */
  perform(): Promise<T>;
}

/** What of a job is the same on every machine. */
export function plainJob({ id, command, needs, afterFailures, makes, estimate }: Job): Job {
  return { id, command, needs, ...(afterFailures && { afterFailures }), makes, ...(estimate && { estimate }) };
}
