import { Worker } from "node:worker_threads";
import {
  CancelledError,
  InvalidArgumentError,
  LimitError,
  type ModelMetadata,
  throwIfCancelled,
  type Volume,
} from "@nnunet/core";
import { switchOffTelemetry } from "@nnunet/core/node";
import { unpack } from "../workers/carry-error.ts";
import { workerEntry } from "../workers/worker-entry.ts";
import type { EmbeddedPredictor, EmbeddedPredictorOptions, Prediction, PredictOptions } from "./embedded-predictor.ts";
import type { FromPredictor, PredictorWorkerData, ToPredictor } from "./prediction-messages.ts";
import { shareVolume } from "./share-volume.ts";

interface Call {
  readonly number: number;
  readonly input: string | Volume;
  readonly options: PredictOptions;
  readonly resolve: (prediction: Prediction) => void;
  readonly reject: (error: unknown) => void;
  /** What a listener of the caller threw. */
  failure?: { readonly error: unknown };
}

const WORK = "prediction";

/**
 * Loads a predictor into a thread of its own, ready for images: a final predictor's folder, a `model.onnx`, a model
 * folder, or a model of Python nnU-Net. The networks stay loaded; an idle predictor keeps no process alive.
 *
 * @param path - what `loadPredictor` takes
 * @throws what `loadPredictor` throws
 * @example
 * const predictor = await createPredictor("nnUNetPredictor__nnUNetPaperPlans", { maxMemoryGb: 4 });
 * const { segmentation, warnings } = await predictor.predict("case_0000.nii.gz", { onProgress: console.log });
 * await predictor.dispose();
 */
export async function createPredictor(
  path: string | readonly string[],
  options: EmbeddedPredictorOptions = {},
): Promise<EmbeddedPredictor> {
  const { maxWaiting = 16, mirroring = true, stepFraction = 0.5, maxMemoryGb, maxPatches, ...source } = options;
  if (!(Number.isInteger(maxWaiting) && maxWaiting >= 0)) {
    throw new InvalidArgumentError("maxWaiting", "a whole number from 0 on", maxWaiting);
  }
  switchOffTelemetry(); // a thread cannot
  const data: PredictorWorkerData = {
    source: { path, ...source },
    how: { mirroring, stepFraction, maxMemoryGb, maxPatches },
  };
  // Options of the caller's own Node (a loader, an eval) are not for this thread.
  const worker = new Worker(workerEntry("predictor-worker"), { workerData: data, execArgv: [] });
  const tell = (message: ToPredictor) => worker.postMessage(message);

  const waiting: Call[] = [];
  let running: Call | undefined;
  let ended: unknown;
  let calls = 0;
  let loaded: (metadata: ModelMetadata) => void;
  let failed: (error: unknown) => void;
  let gone: () => void;
  const metadata = new Promise<ModelMetadata>((resolve, reject) => {
    [loaded, failed] = [resolve, reject];
  });
  const exit = new Promise<void>((resolve) => {
    gone = resolve;
  });

  /** Nothing more is done; those who wait are told. */
  const end = (reason: unknown) => {
    ended ??= reason;
    failed(ended);
    for (const { reject } of [...(running ? [running] : []), ...waiting.splice(0)]) reject(ended);
    running = undefined;
  };

  const next = () => {
    if (running || ended !== undefined) return;
    running = waiting.shift();
    if (!running) return worker.unref();
    worker.ref();
    const call = running;
    const { input, number, reject } = call;
    const ready = typeof input === "string" ? Promise.resolve(input) : shareVolume(input);
    ready.then(
      (shared) => {
        if (running !== call) return;
        if (call.options.signal?.aborted) settle(call, () => reject(new CancelledError(WORK)));
        else {
          const { seriesUid, volume } = call.options;
          tell({ type: "predict", call: number, input: shared, choice: { seriesUid, volume } });
        }
      },
      (error) => settle(call, () => reject(error)),
    );
  };

  const settle = (call: Call, how: () => void) => {
    if (running === call) running = undefined;
    how();
    next();
  };

  /** What a listener of the caller throws is the call's failure. */
  const hear = (call: Call, message: Exclude<FromPredictor, { type: "loaded" | "disposed" }>) => {
    try {
      if (message.type === "event") call.options.onEvent?.(message.event);
      else if (message.type === "progress") call.options.onProgress?.(message.fraction);
      else {
        if (call.failure) throw call.failure.error;
        throwIfCancelled(call.options.signal, WORK); // aborted too late to stop the work
        const prediction = unpack(message.answer);
        settle(call, () => call.resolve(prediction));
      }
    } catch (error) {
      if (message.type === "done") return settle(call, () => call.reject(error));
      call.failure ??= { error };
      tell({ type: "cancel", call: call.number });
    }
  };

  worker.on("message", (message: FromPredictor) => {
    if (message.type === "loaded") {
      try {
        loaded(unpack(message.answer));
        next();
      } catch (error) {
        end(error);
        tell({ type: "dispose" });
      }
    } else if (message.type !== "disposed" && running?.number === message.call) {
      hear(running, message);
    }
  });
  worker.on("error", end);
  worker.on("exit", () => {
    end(new Error("the thread of the predictor has ended; create the predictor again"));
    gone();
  });

  return {
    metadata: await metadata,
    predict(input, options = {}) {
      const { signal } = options;
      if (ended !== undefined) return Promise.reject(ended);
      if (signal?.aborted) return Promise.reject(new CancelledError(WORK));
      if (running && waiting.length >= maxWaiting) {
        const allowed = `${maxWaiting} may wait (maxWaiting)`;
        return Promise.reject(new LimitError(WORK, "a place in the queue", allowed, "try again later"));
      }
      return new Promise<Prediction>((resolve, reject) => {
        const number = calls++;
        const cancel = () => {
          if (running?.number === number) return tell({ type: "cancel", call: number });
          const place = waiting.findIndex((each) => each.number === number);
          if (place < 0) return;
          waiting.splice(place, 1);
          call.reject(new CancelledError(WORK));
        };
        const leaving =
          <T>(settled: (value: T) => void) =>
          (value: T) => {
            signal?.removeEventListener("abort", cancel);
            settled(value);
          };
        const call: Call = { number, input, options, resolve: leaving(resolve), reject: leaving(reject) };
        signal?.addEventListener("abort", cancel, { once: true });
        waiting.push(call);
        next();
      });
    },
    async dispose() {
      if (running) tell({ type: "cancel", call: running.number });
      end(new CancelledError(WORK));
      tell({ type: "dispose" });
      worker.ref();
      await exit;
    },
  };
}
