import { Worker } from "node:worker_threads";
import type { StageOptions } from "@nnunet/core";
import { switchOffTelemetry } from "@nnunet/core/node";
import { type Context, defaultStages } from "../stages.ts";
import { type Carried, unpack } from "../workers/carry-error.ts";
import { placeOf } from "../workers/stage-place.ts";
import { workerEntry } from "../workers/worker-entry.ts";
import type { LoadedPredictor } from "./load-predictor.ts";
import { predictorHash } from "./prediction-record.ts";
import type { CaseListeners, CaseTask } from "./segment-case.ts";
import type { CaseThreadData, FromCaseThread, ToCaseThread } from "./thread-messages.ts";

/** Threads that each predict a case, from reading to writing. */
export interface CaseThreads {
  /** `segmentCase` in the first thread that has nothing to do. */
  segment(task: CaseTask, listeners: Pick<CaseListeners, "onWarning" | "signal">): Promise<void>;
  /** Frees the networks and ends the threads; nothing may be at work. */
  close(): Promise<void>;
}

/**
 * What threads need to load a predictor for themselves.
 *
 * @returns undefined where it cannot be loaded again, or the stage that predicts is a function, which cannot travel
 */
export function threadData(
  { stages }: Context,
  predictor: LoadedPredictor,
  options: StageOptions,
): CaseThreadData | undefined {
  const { loadedFrom: from } = predictor;
  if (!from || (from.device ?? "cpu") !== "cpu") return undefined;
  const stage = placeOf(stages.predictor, defaultStages.predictor, "predict", options);
  return stage.workers ? { from, hash: predictorHash(predictor), stage: stage.module } : undefined;
}

/** @param networkThreads - of the networks of each thread */
export function openCaseThreads(data: CaseThreadData, count: number, networkThreads: number): CaseThreads {
  switchOffTelemetry(); // a thread cannot
  const workerData: CaseThreadData = { ...data, from: { ...data.from, threads: networkThreads } };
  const threads = Array.from({ length: count }, () => startThread(workerData));
  const idle = [...threads];
  const waiting: ((thread: CaseThread) => void)[] = [];
  return {
    async segment(task, listeners) {
      const thread = idle.shift() ?? (await new Promise<CaseThread>((resolve) => waiting.push(resolve)));
      try {
        await thread.segment(task, listeners);
      } finally {
        const next = waiting.shift();
        if (next) next(thread);
        else idle.push(thread);
      }
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

type CaseThread = ReturnType<typeof startThread>;

function startThread(workerData: CaseThreadData) {
  // Options of the caller's own Node (a loader, an eval) are not for this thread.
  const worker = new Worker(workerEntry("prediction-worker"), { workerData, execArgv: [] });
  const tell = (message: ToCaseThread) => worker.postMessage(message);
  let ended: Error | undefined;
  let current: { hear: CaseListeners["onWarning"]; settle: (answer: Carried<void> | Error) => void } | undefined;
  const end = (error: Error) => {
    ended ??= error;
    current?.settle(ended);
  };
  const gone = new Promise<void>((resolve) => {
    worker.on("exit", () => {
      end(new Error("the thread that predicts has ended by itself"));
      resolve();
    });
  });
  worker.on("error", end);
  worker.on("message", (message: FromCaseThread) => {
    if (message.type === "event") current?.hear(message.event);
    else current?.settle(message.answer);
  });
  return {
    async segment(task: CaseTask, { onWarning, signal }: Pick<CaseListeners, "onWarning" | "signal">): Promise<void> {
      if (ended) throw ended;
      const cancel = () => tell({ type: "cancel" });
      const answer = new Promise<Carried<void> | Error>((settle) => {
        current = { hear: onWarning, settle };
      });
      tell({ type: "segment", task });
      signal?.addEventListener("abort", cancel, { once: true });
      if (signal?.aborted) cancel();
      const settled = await answer;
      signal?.removeEventListener("abort", cancel);
      current = undefined;
      if (settled instanceof Error) throw settled;
      unpack(settled);
    },
    async close(): Promise<void> {
      if (!ended) tell({ type: "close" });
      await gone;
    },
  };
}
