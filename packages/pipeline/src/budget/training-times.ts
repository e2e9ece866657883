import type { NnunetEvent } from "@nnunet/core";
import type { TrainingCosts } from "./costs.ts";

/** What a training and its validation did, as far as their times depend on it. */
export interface TrainingDone {
  readonly iterationsPerEpoch: number;
  readonly validationIterations: number;
  /** Validation steps per training step that a training is to have. */
  readonly validationShare: number;
  /** That were predicted. */
  readonly cases: number;
}

/** Takes the times of a training and its validation from its events. */
export function trainingTimes() {
  const now = () => performance.now() / 1000;
  const began = now();
  let firstStepBegan = began;
  let lastEpochEnded = began;
  let steps: number[] = [];
  const epochs: { readonly seconds: number; readonly steps: readonly number[]; readonly after: number }[] = [];
  let predictionBegan: number | undefined;
  const ended: Record<string, number> = {};
  const hear = (event: NnunetEvent): void => {
    if (event.type === "iteration") {
      if (steps.length === 0 && epochs.length === 0) firstStepBegan = now() - event.stepSeconds;
      steps.push(event.stepSeconds + event.batchWaitSeconds);
    } else if (event.type === "epoch") {
      const previous = epochs.length === 0 ? firstStepBegan : lastEpochEnded;
      epochs.push({ seconds: event.seconds, steps, after: Math.max(0, now() - previous - event.seconds) });
      lastEpochEnded = now();
      steps = [];
    } else if (event.type === "stage-start" && event.stage === "predict") predictionBegan ??= now();
    else if (event.type === "stage-end") ended[event.stage] = (ended[event.stage] ?? 0) + event.seconds;
  };
  /** The last epoch counts: the first one warms up. Undefined where nothing was trained, or nothing predicted. */
  const costs = (done: TrainingDone): Omit<TrainingCosts, "memoryGb"> | undefined => {
    const last = epochs.at(-1);
    if (!last || predictionBegan === undefined || ended["predict"] === undefined) return undefined;
    const trained = last.steps.reduce((total, seconds) => total + seconds, 0);
    const validationStep = Math.max(0, last.seconds - trained) / done.validationIterations;
    return {
      start: firstStepBegan - began + (predictionBegan - lastEpochEnded),
      step: trained / done.iterationsPerEpoch + done.validationShare * validationStep,
      epoch: last.after,
      predictCase: ended["predict"] / done.cases,
      evaluateCase: (ended["evaluate"] ?? 0) / done.cases,
    };
  };
  return { hear, costs };
}
